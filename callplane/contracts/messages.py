"""Messages to participants, and the data of every type (design 8.5)."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from callplane.contracts.ids import ConnectionId, ParticipantId, SessionId
from callplane.contracts.model import Wire
from callplane.contracts.reasons import (
    ConnectionFailedReason,
    GivenReason,
    MediaLostReason,
    ReleaseReason,
    SeatReason,
    SessionReason,
)
from callplane.contracts.shapes import MediaKind, Source

MessageType = Literal[
    "answer",
    "ice-candidate",
    "participant-joined",
    "participant-left",
    "participant-updated",
    "participants-muted",
    "session-updated",
    "state-changed",
    "stream-published",
    "stream-unpublished",
    "connection-state",
    "media-lost",
    "media-ready",
    "connection-failed",
    "session-closed",
    "participant-reconnecting",
    "participant-reconnected",
    "signal",
    "unmute-requested",
    "resync-required",
    "error",
]


class Message(Wire):
    """One message of a mailbox. ``version`` is set on the state events of a session, and only there."""

    id: str = Field(description="a message that comes twice has the same one")
    type: str = Field(description="which message it is; pass over those that you do not know")
    session_id: SessionId = Field(description="of which session")
    version: int | None = Field(
        default=None, description="the session's version after what it tells of; null where that changed nothing of it"
    )
    at: datetime = Field(description="when, by the database's clock")
    data: dict[str, Any] = Field(description="what it says, by its type")


class Event(Wire):
    """A message of a session before it has a version: kept in an outbox until it is published."""

    type: MessageType
    data: dict[str, Any]


def participant_joined(participant: dict[str, Any]) -> Event:
    """A seat was taken; ``participant`` is its public shape."""
    return Event(type="participant-joined", data={"participant": participant})


def participant_left(participant_id: ParticipantId, reason: SeatReason | GivenReason) -> Event:
    """A seat went; its streams end with it."""
    return Event(type="participant-left", data={"participant_id": participant_id, "reason": reason})


def participant_updated(participant: dict[str, Any], changes: dict[str, Any]) -> Event:
    """A seat changed; the carrier shows it as it is when the event goes out, and servers what has changed as well."""
    return Event(type="participant-updated", data={"participant": participant, "changes": changes})


def participants_muted(media: list[MediaKind], but: list[ParticipantId]) -> Event:
    """Of all seats that there are these media are muted, but of those named in ``but``."""
    return Event(type="participants-muted", data={"media": media, "but": but})


def session_updated(session: dict[str, Any]) -> Event:
    """The session's own fields changed; the carrier shows them as they are when the event goes out."""
    return Event(type="session-updated", data={"session": session})


def state_changed(key: str, value: Any, participant_id: ParticipantId | None) -> Event:
    """A key of the shared state has another value, or (null) none any more; by whom (null: a server)."""
    return Event(type="state-changed", data={"key": key, "value": value, "participant_id": participant_id})


def session_closed(reason: SessionReason | GivenReason) -> Event:
    """The session is over; everything in it ends with it."""
    return Event(type="session-closed", data={"reason": reason})


def stream_published(
    participant_id: ParticipantId, connection_id: ConnectionId, media: list[MediaKind] | None, source: Source
) -> Event:
    """A stream can be subscribed to; ``media`` is what it has, ``source`` where that comes from."""
    data = {"participant_id": participant_id, "connection_id": connection_id, "media": media, "source": source}
    return Event(type="stream-published", data=data)


def stream_unpublished(participant_id: ParticipantId, connection_id: ConnectionId, reason: str) -> Event:
    """A stream ended while its participant stayed; ``reason`` is what its connection's document has."""
    return Event(
        type="stream-unpublished",
        data={"participant_id": participant_id, "connection_id": connection_id, "reason": reason},
    )


def connection_state(
    connection_id: ConnectionId, state: Literal["connected", "failed", "closed"], reason: ReleaseReason | None = None
) -> Event:
    """The media path of one connection changed; told to its participant only. ``reason`` is that of a verdict."""
    why = {} if reason is None else {"reason": reason}
    return Event(type="connection-state", data={"connection_id": connection_id, "state": state, **why})


def media_lost(epoch: int, reason: MediaLostReason) -> Event:
    """The pipeline is gone; ``epoch`` is the new one, offers of older ones are void."""
    return Event(type="media-lost", data={"epoch": epoch, "reason": reason})


def media_ready(epoch: int) -> Event:
    """The epoch has its pipeline."""
    return Event(type="media-ready", data={"epoch": epoch})


def connection_failed(connection_id: ConnectionId, reason: ConnectionFailedReason) -> Event:
    """A connection did not heal in time: its participant offers again."""
    return Event(type="connection-failed", data={"connection_id": connection_id, "reason": reason})


def participant_reconnecting(participant_id: ParticipantId) -> Event:
    """A seat's media is away; the seat stays for its grace."""
    return Event(type="participant-reconnecting", data={"participant_id": participant_id})


def participant_reconnected(participant_id: ParticipantId) -> Event:
    """A seat's media, or its participant, is back."""
    return Event(type="participant-reconnected", data={"participant_id": participant_id})
