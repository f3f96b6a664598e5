"""Commands: a class for each, above it what a wrapper answers, and the envelope in which it travels (design 3.1)."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from callplane.contracts.command_queues import CommandQueues
from callplane.contracts.ids import CommandId, ConnectionId, ParticipantId, SessionId
from callplane.contracts.model import Wire
from callplane.contracts.quotas import Quotas
from callplane.contracts.registry import AnyCommand, Command
from callplane.contracts.shapes import (
    ConnectionView,
    Duplicates,
    GrantChanges,
    MediaKind,
    ParticipantView,
    Role,
    SessionView,
    Source,
)

CallerKind = Literal["key", "access", "participant", "open"]


class Caller(Wire):
    """The caller of a command: an API key, an access token, a participant token, or anybody under open access."""

    kind: CallerKind
    name: str = ""
    participant_id: ParticipantId | None = None
    role: Role | None = None
    tenant: str | None = None
    """Whose what it makes is; in no body, which a repeat from the version before has to equal."""
    quotas: Quotas | None = None
    """What bounds what it makes; null: nothing that is counted."""


class Done(Wire):
    """Of a command that returns nothing."""


class SessionMade(Wire):
    """Of ``create``: the session; ``created`` tells 201 from 200."""

    session: SessionView
    created: bool


class CreateSession(Command[SessionMade]):
    """Make a session, or find the open one with the same ``custom_id``."""

    name: Literal["create"] = "create"
    custom_id: str | None = None
    max_participants: int = 100
    empty_timeout: int = 300
    departure_timeout: int = 20
    grace: int = 30
    duplicates: Duplicates = "allow"
    metadata: dict[str, Any] = Field(default_factory=dict)


class CloseSession(Command[Done]):
    """End a session for everybody."""

    name: Literal["close"] = "close"
    is_exit = True
    reason: str = "closed"


class SessionChanged(Wire):
    """Of ``update-session``: the session as it is now."""

    session: SessionView


class UpdateSession(Command[SessionChanged]):
    """Change the fields of a session that ``changes`` names; ``if_match`` is the version it must still have."""

    name: Literal["update-session"] = "update-session"
    changes: dict[str, Any]
    if_match: int | None = None


class Joined(Wire):
    """Of ``join``: the seat, the snapshot it joined and, for one that came back, its own connections."""

    participant: ParticipantView
    session: SessionView
    connections: list[ConnectionView] = Field(default_factory=list)


class Join(Command[Joined]):
    """Take a seat, or come back to the seat that ``participant_id`` names."""

    name: Literal["join"] = "join"
    participant_id: ParticipantId | None = None
    display_name: str = ""
    role: Role = "publisher"
    metadata: dict[str, Any] = Field(default_factory=dict)
    identity: str | None = None
    grants: GrantChanges | None = None


class JoinHidden(Command[Joined]):
    """Take a seat that the others do not see. A command of its own: who does not know it must not seat anybody by it
    in everybody's sight.
    """

    name: Literal["join-hidden"] = "join-hidden"
    display_name: str = ""
    role: Role = "publisher"
    metadata: dict[str, Any] = Field(default_factory=dict)
    identity: str | None = None
    subscribe: bool = True


class Leave(Command[Done]):
    """Give a seat up (reason ``left``), or take it from somebody (``kicked``, or the caller's own reason)."""

    name: Literal["leave"] = "leave"
    is_exit = True
    participant_id: ParticipantId
    reason: str = "left"
    kick: bool = False


class ParticipantChanged(Wire):
    """Of ``update-participant``: the seat as it is now, and the session's version for its ETag."""

    participant: ParticipantView
    version: int


class UpdateParticipant(Command[ParticipantChanged]):
    """Change the fields of a seat that ``changes`` names; of ``muted`` only the media that it names.

    ``presence`` is said anew as a whole; ``hand_raised`` raises and lowers.
    """

    name: Literal["update-participant"] = "update-participant"
    participant_id: ParticipantId
    changes: dict[str, Any]
    if_match: int | None = None


class GrantModeration(Command[ParticipantChanged]):
    """Change a seat so that it moderates, as a participant who does. A command of its own: who does not know it would
    not compare what is given with what the giver has.
    """

    name: Literal["grant-moderation"] = "grant-moderation"
    participant_id: ParticipantId
    changes: dict[str, Any]
    if_match: int | None = None


class EverybodyMuted(Wire):
    """Of ``mute-everybody``: the session's version for its ETag."""

    version: int


class MuteEverybody(Command[EverybodyMuted]):
    """Mute all seats but some, of these media; whoever sits down later is not muted."""

    name: Literal["mute-everybody"] = "mute-everybody"
    media: list[MediaKind]
    but: list[ParticipantId] = Field(default_factory=list)


class StateSet(Wire):
    """Of ``set-state``: the session's version since which the key has its value; 0: it is not there."""

    version: int


class SetState(Command[StateSet]):
    """Give a key of the shared state a value, or (null) take it away; ``if_version`` is the version it must still have.

    Whose token asked is the caller's, and has to sit there.
    """

    name: Literal["set-state"] = "set-state"
    key: str
    value: Any = None
    if_version: int | None = None


class Negotiated(Wire):
    """Of ``publish`` and ``subscribe``: the connection with its answer."""

    connection: ConnectionView


class Publish(Command[Negotiated]):
    """Offer to send; ``replaces`` names the connection that the new one takes the place of.

    ``source`` says what is sent; null: camera or microphone, by the media.
    """

    name: Literal["publish"] = "publish"
    participant_id: ParticipantId
    sdp_offer: str
    replaces: ConnectionId | None = None
    source: Source | None = None


class Subscribe(Command[Negotiated]):
    """Offer to receive what ``publisher`` sends; ``stream`` names one of its connections where it has several."""

    name: Literal["subscribe"] = "subscribe"
    participant_id: ParticipantId
    sdp_offer: str
    publisher: ParticipantId
    stream: ConnectionId | None = None
    replaces: ConnectionId | None = None


class Candidate(Wire):
    """One ICE candidate of the client, normalised: Kurento needs all three keys (protocol 9.7)."""

    candidate: str
    sdp_mid: str | None = None
    sdp_m_line_index: int = 0


class Candidates(Command[Done]):
    """ICE candidates of the client for one of its connections."""

    name: Literal["candidates"] = "candidates"
    participant_id: ParticipantId
    connection_id: ConnectionId
    candidates: list[Candidate]


class Stop(Command[Done]):
    """End one connection: its participant's own wish, or (reason ``removed``) a moderator's or a server's."""

    name: Literal["stop"] = "stop"
    is_exit = True
    participant_id: ParticipantId
    connection_id: ConnectionId
    reason: Literal["stopped", "removed"] = "stopped"


class Envelope(Wire):
    """A command on the wire. ``deadline`` and ``sent_at`` are in database time, ``request_id`` is the HTTP one."""

    id: CommandId
    session_id: SessionId
    caller: Caller
    deadline: datetime
    sent_at: datetime | None = None
    request_id: str | None = None
    traceparent: str | None = None
    commands: CommandQueues = "per-session"
    """Where its sender publishes: a session that is made by it gets a queue of its own, or none."""
    body: AnyCommand

    @property
    def name(self) -> str:
        """The command's name, as metrics and logs use it."""
        return self.body.name
