"""Documents: as this program reads them; fields it does not know are left alone (N and N+1 run together)."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from callplane.contracts.command_queues import CommandQueues
from callplane.contracts.engines import Engine
from callplane.contracts.grants import granted, needed, source_of
from callplane.contracts.ids import CommandId, ConnectionId, ParticipantId, SessionId
from callplane.contracts.media import MediaRef
from callplane.contracts.model import Wire
from callplane.contracts.shapes import (
    ConnectionState,
    Duplicates,
    GrantChanges,
    Grants,
    Kind,
    MediaKind,
    Muted,
    Presence,
    Role,
    Source,
)
from callplane.store.free_json import AnyJson, FreeJson
from callplane.store.mongo.media_codec import media_ref

StoredMedia = Annotated[MediaRef, BeforeValidator(media_ref)]
"""A media reference, as it lies in a document."""


def _with_media(arguments: Any) -> Any:
    return {name: media_ref(value) for name, value in arguments.items()} if isinstance(arguments, dict) else arguments


class OutboxEntry(Wire):
    """One event that waits to be published; ``id`` tells it from its neighbours, its number follows from its place.

    ``at`` is when it happened, until publishing it fails and is put off: then that is in ``first``.
    """

    id: str
    type: str
    at: datetime
    first: datetime | None = None
    data: FreeJson
    by: str = "callplane"
    """Who asked for it, as events name actors."""
    request: str | None = None
    """The id of the request that asked for it."""


class Chore(Wire):
    """One idempotent piece of work that a change owes; ``do`` names it, ``with_`` holds its arguments.

    It is due ``at`` that time, and owed since then or, where it was put off, since ``first``.
    """

    id: str
    do: str
    at: datetime
    first: datetime | None = None
    with_: Annotated[dict[str, Any], BeforeValidator(_with_media)] = Field(default_factory=dict, alias="with")


class Outboxed(Wire):
    """What sessions and connections have in common: a version, and what is owed since the last ones."""

    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)

    id: str = Field(alias="_id")
    version: int = 0
    outbox: list[OutboxEntry] = Field(default_factory=list)
    chores: list[Chore] = Field(default_factory=list)

    def numbered(self) -> list[tuple[int, OutboxEntry]]:
        """The outbox with each event's version: entries leave from the front only, so its place tells (design 5)."""
        first = self.version - len(self.outbox) + 1
        return list(enumerate(self.outbox, first))


class SessionLimits(Wire):
    """The limits of a session."""

    max_participants: int
    empty_timeout: int
    departure_timeout: int
    grace: int
    duplicates: Duplicates = "allow"


class Seat(Wire):
    """A participant's place in a session."""

    id: ParticipantId
    name: str = ""
    role: Role = "publisher"
    grants: GrantChanges | None = None
    """What is otherwise than the role has it."""
    named: GrantChanges | None = None
    """What its join has said of its grants, by access token or key: a change of its role gives no more. In no view."""
    state: Literal["joined", "reconnecting"] = "joined"
    metadata: FreeJson = Field(default_factory=dict)
    muted: Muted = Muted()
    presence: Presence = Presence()
    hand_raised_at: datetime | None = None
    identity: str | None = None
    """Who sits there, ``iss:sub`` of the access token that joined; null where nobody said. In no view."""
    last_active_at: datetime | None = None
    """When it last asked for something, to 30 s; not versioned, and so in no view of the session."""

    @property
    def may(self) -> Grants:
        """What it may do now."""
        return granted(self.role, self.grants)


class Stream(Wire):
    """A published stream: whose, by which connection, with what in it, and from where."""

    participant_id: ParticipantId
    connection_id: ConnectionId
    media: list[MediaKind] | None = None
    source: Source | None = None
    """Null in documents of before offers named one."""

    def is_within(self, grants: Grants) -> bool:
        """Whether a seat with these grants may publish it."""
        return set(needed(source_of(self.source, self.media), self.media)) <= set(grants.publish)


class SharedEntry(Wire):
    """A key of the shared state, and the session's version since which it has its value."""

    key: str
    value: AnyJson
    version: int


class Ban(Wire):
    """Who may not join a session, since when, and by the kick of which participant."""

    identity: str
    participant_id: ParticipantId
    at: datetime | None = None
    reason: str = ""


class Replaced(Wire):
    """Whose a seat was that another of its identity has replaced: who kicks it means that identity."""

    participant_id: ParticipantId
    identity: str


class SessionDocument(Outboxed):
    """A call."""

    id: SessionId = Field(alias="_id")
    custom_id: str | None = None
    tenant: str | None = None
    """Whose keys reach it; null in documents of before there were tenants: all keys', as it was then."""
    engine: Engine = "queues"
    commands: CommandQueues = "per-session"
    status: Literal["open", "closed"]
    epoch: int
    settings: SessionLimits
    metadata: FreeJson = Field(default_factory=dict)
    media: StoredMedia | None = None
    server_id: str | None = None
    server: str | None = None
    participants: list[Seat] = Field(default_factory=list)
    hidden: list[Seat] = Field(default_factory=list)
    """Seats that no participant is told of. Beside the others, so that whatever goes through those leaves them out."""
    seat_count: int | None = None
    """How many sit there, where only the seats and streams of some were read. Stands in no document."""
    streams: list[Stream] = Field(default_factory=list)
    state: list[SharedEntry] = Field(default_factory=list)
    applied: list[CommandId] = Field(default_factory=list)
    kicked: list[ParticipantId] = Field(default_factory=list)
    bans: list[Ban] = Field(default_factory=list)
    replaced: list[Replaced] = Field(default_factory=list)
    created_at: datetime
    reason: str | None = None
    closed_at: datetime | None = None
    """Null while it is open, and in documents that the version before has closed."""
    peak: int = 0
    """How many sat there at once, of what has been told."""
    seats_counted: int | None = None
    """How many have sat down less those that have gone: another number than sit there where not all were counted."""
    seat_ms: int = 0
    """The sum of the times at which they have gone less those at which they have sat down."""

    def seat(self, participant_id: ParticipantId) -> Seat | None:
        """The seat with this id, if it is taken and not hidden: for what others may know of it."""
        return next((seat for seat in self.participants if seat.id == participant_id), None)

    def any_seat(self, participant_id: ParticipantId) -> Seat | None:
        """The same, hidden or not: for what it does itself, and for who may know of all."""
        return next((seat for seat in self.everybody if seat.id == participant_id), None)

    @property
    def everybody(self) -> list[Seat]:
        """All seats, the hidden ones last."""
        return [*self.participants, *self.hidden]

    def fellows(self, seat: Seat) -> list[Seat]:
        """The seats among which this one stands, or would: the hidden ones, or all others."""
        return self.hidden if seat.may.hidden else self.participants

    def version_of(self, key: str) -> int:
        """Since which version a key of the shared state has its value; 0: it is not there."""
        return next((entry.version for entry in self.state if entry.key == key), 0)

    def streams_of(self, participant_id: ParticipantId) -> list[Stream]:
        """What this participant publishes, oldest first."""
        return [stream for stream in self.streams if stream.participant_id == participant_id]


class SeatRole(Wire):
    """Who sits there, as what, and when it was last active."""

    id: ParticipantId
    role: Role = "publisher"
    grants: GrantChanges | None = None
    identity: str | None = None
    last_active_at: datetime | None = None

    @property
    def may(self) -> Grants:
        """What it may do now."""
        return granted(self.role, self.grants)


class Roster(Wire):
    """A session as a signal needs it: whether it is open, by which engine its messages go, and who sits in it."""

    id: SessionId = Field(alias="_id")
    tenant: str | None = None
    engine: Engine = "queues"
    keyed_records: bool = False
    """Whether a signal's record is what its key is known by; else a document in ``commands``."""
    status: Literal["open", "closed"]
    participants: list[SeatRole] = Field(default_factory=list)
    hidden: list[SeatRole] = Field(default_factory=list)
    kicked: list[ParticipantId] = Field(default_factory=list)
    reason: str | None = None

    def seat(self, participant_id: ParticipantId) -> SeatRole | None:
        """The seat with this id, if it is taken and not hidden."""
        return next((seat for seat in self.participants if seat.id == participant_id), None)

    def any_seat(self, participant_id: ParticipantId) -> SeatRole | None:
        """The same, hidden or not."""
        return next((seat for seat in (*self.participants, *self.hidden) if seat.id == participant_id), None)


class Claim(Wire):
    """Which wrapper acts for a connection at the moment."""

    wrapper: str
    at: datetime


class ConnectionDocument(Outboxed):
    """One WebRTC endpoint of a participant, wanted or made. ``offered`` is false while only candidates have come."""

    id: ConnectionId = Field(alias="_id")
    session_id: SessionId
    participant_id: ParticipantId
    engine: Engine = "queues"
    state: ConnectionState
    offered: bool = False
    kind: Kind = "publish"
    publisher: ParticipantId | None = None
    stream: ConnectionId | None = None
    source: Source | None = None
    epoch: int = 0
    endpoint: StoredMedia | None = None
    answer: str | None = None
    media: list[MediaKind] | None = None
    media_state: str | None = None
    heard: bool = False
    """Its client has reported by RTCP."""
    since: datetime | None = None
    flows: dict[str, bool] = Field(default_factory=dict)
    candidates: list[dict[str, Any]] = Field(default_factory=list)
    claim: Claim | None = None
    claims: int = 0
    owner: str | None = None
    reason: str | None = None
