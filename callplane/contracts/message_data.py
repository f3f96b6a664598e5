"""Message data: what each type of message carries, a class for each (design 8.5); docs/messages.md is made of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import Field, create_model

from callplane.contracts.errors import Code
from callplane.contracts.ids import CommandId, ConnectionId, ParticipantId
from callplane.contracts.messages import Message, MessageType
from callplane.contracts.model import Wire
from callplane.contracts.reasons import (
    ConnectionFailedReason,
    MediaLostReason,
    ReleaseReason,
    SeatReason,
    SessionReason,
)
from callplane.contracts.shapes import MediaKind, ParticipantView, SessionSummary, Source


class Data(Wire):
    """The base."""


class ParticipantShown(Data):
    """A seat, as it is when the message goes out."""

    participant: ParticipantView
    """the whole of it, in place of what was known"""


class ParticipantLeft(Data):
    """A seat has gone, and its streams and connections with it."""

    participant_id: ParticipantId
    """whose it was"""
    reason: SeatReason | str
    """a code, or the own words of whoever removed it"""


class ParticipantNamed(Data):
    """A seat's media is away, or back; the seat stays for its grace."""

    participant_id: ParticipantId
    """whose seat"""


class ParticipantsMuted(Data):
    """All seats that there are were muted, but some; who sits down later is not."""

    media: list[MediaKind]
    """which media reach nobody now"""
    but: list[ParticipantId]
    """whose seats are left as they were"""


class UnmuteRequested(Data):
    """A moderator or a server asks to be heard or seen: nobody but oneself unmutes."""

    media: list[MediaKind]
    """which media"""
    sender: ParticipantId | None = Field(alias="from", description="who asks; null: a server")


class SessionShown(Data):
    """The session's own fields, as they are when the message goes out."""

    session: SessionSummary
    """all but its participants"""


class StateChanged(Data):
    """A key of the shared state has another value, or is gone."""

    key: str
    """which"""
    value: Any
    """any JSON; null: the key is gone"""
    participant_id: ParticipantId | None
    """who has changed it; null: a server"""


class SessionClosed(Data):
    """The session is over, and everything in it; nothing comes after this."""

    reason: SessionReason | str
    """a code, or the own words of whoever closed it"""
    closed_at: datetime | None = None
    """when"""
    peak_participants: int | None = None
    """how many sat in it at once"""
    participant_minutes: float | None = None
    """for how long together all sat in it, in minutes; null where not all of it was counted"""


class StreamPublished(Data):
    """A stream can be subscribed to."""

    participant_id: ParticipantId
    """who sends it"""
    connection_id: ConnectionId
    """the connection that carries it"""
    media: list[MediaKind] | None
    """what it has; null where that is not known"""
    source: Source | None = None
    """what its offer has named, or the media say; null: not known"""


class StreamUnpublished(Data):
    """A stream has ended while its participant stayed."""

    participant_id: ParticipantId
    """who sent it"""
    connection_id: ConnectionId
    """the connection that carried it"""
    reason: ReleaseReason | str
    """why"""


class ConnectionChanged(Data):
    """The media path of one of one's own connections has changed."""

    connection_id: ConnectionId
    """which"""
    state: Literal["connected", "failed", "closed"]
    """what it is now; after `failed` and `closed` offer again, if it is still wanted"""
    reason: ReleaseReason | str | None = None
    """why it was given up, where it was; else absent"""


class ConnectionFailed(Data):
    """One of one's own connections did not heal in time: offer again, with `replaces`."""

    connection_id: ConnectionId
    """which"""
    reason: ConnectionFailedReason | str
    """why"""


class MediaLost(Data):
    """All media of the session is gone: close every peer connection, and offer again."""

    epoch: int
    """the new one; what belongs to an older one is void"""
    reason: MediaLostReason | str
    """why"""


class MediaReady(Data):
    """The epoch has its pipeline."""

    epoch: int
    """which"""


class Answer(Data):
    """The answer to one's own offer; also where the request was answered with it already."""

    command_id: CommandId
    """of the 202, where the request was answered with one"""
    connection_id: ConnectionId
    """the connection that was made"""
    sdp_answer: str
    """for `setRemoteDescription`"""
    media: list[MediaKind] | None
    """what the answer accepts of what was offered"""


class ServerCandidate(Data):
    """The browser's RTCIceCandidateInit, from the server."""

    candidate: str
    """the attribute, without `a=`"""
    sdpMid: str | None
    """the media section's name"""
    sdpMLineIndex: int | None
    """the media section's number"""


class IceCandidate(Data):
    """A candidate of the server for one of one's own connections; it may come before the answer: keep it until then."""

    connection_id: ConnectionId
    """for which"""
    candidate: ServerCandidate
    """for `addIceCandidate`"""


class ProblemTold(Data):
    """A refusal, as the body of an answer says it."""

    type: str
    """a URN that names the kind of problem"""
    title: str
    """the kind of problem in words"""
    status: int
    """the HTTP status that belongs to it"""
    detail: str
    """what was refused, and what to do"""
    code: Code
    """the kind of problem"""
    retryable: bool
    """whether the same offer may succeed later"""
    reason: str | None = None
    """why; absent with most codes"""


class Failed(Data):
    """An offer that was accepted with 202 has come to nothing."""

    command_id: CommandId
    """of the 202"""
    problem: ProblemTold
    """why; where it is `retryable` the same offer may succeed later"""


class Signal(Data):
    """What somebody in the session, or a server, says; `chat` and what begins so is kept in the history."""

    sender: ParticipantId | None = Field(alias="from", description="who says it; null: a server")
    type: str
    """the sender's own word for what it is"""
    data: Any = None
    """whatever JSON the sender gave"""
    to: list[str] | None = None
    """in a chat that is not for all, for whom it is; else absent"""


class Nothing(Data):
    """Messages were dropped: read the session again."""


DATA: Mapping[MessageType, type[Data]] = {
    "participant-joined": ParticipantShown,
    "participant-updated": ParticipantShown,
    "participant-left": ParticipantLeft,
    "participant-reconnecting": ParticipantNamed,
    "participant-reconnected": ParticipantNamed,
    "participants-muted": ParticipantsMuted,
    "session-updated": SessionShown,
    "state-changed": StateChanged,
    "session-closed": SessionClosed,
    "stream-published": StreamPublished,
    "stream-unpublished": StreamUnpublished,
    "media-lost": MediaLost,
    "media-ready": MediaReady,
    "answer": Answer,
    "ice-candidate": IceCandidate,
    "connection-state": ConnectionChanged,
    "connection-failed": ConnectionFailed,
    "error": Failed,
    "signal": Signal,
    "unmute-requested": UnmuteRequested,
    "resync-required": Nothing,
}
"""The data of every type of message."""


def typed_messages() -> dict[MessageType, type[Message]]:
    """A class for each type of message: ``Message`` with this type and its data."""
    return {type_: _typed(type_, data) for type_, data in DATA.items()}


def _typed(type_: MessageType, data: type[Data]) -> type[Message]:
    name = "".join(part.title() for part in type_.split("-")) + "Message"
    fields: dict[str, Any] = {
        "type": (Literal[type_], Field(description="which message it is")),
        "data": (data, Field(description=(data.__doc__ or "").rstrip("."))),
    }
    made: type[Message] = create_model(name, __base__=Message, __doc__=data.__doc__, **fields)
    return made
