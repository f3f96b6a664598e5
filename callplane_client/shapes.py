"""Shapes of the API as the client shows them: typed where they are known, open to fields of later versions."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """The base: a field that this version does not know is an attribute all the same."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)


class Muted(Shape):
    """The media of a participant that reach nobody."""

    audio: bool = False
    video: bool = False


class Presence(Shape):
    """How available somebody is (``available``, ``chat``, ``away``, ``xa``, ``dnd``), in what words, until when."""

    show: str = "available"
    status: str = ""
    until: datetime | None = None


class Stream(Shape):
    """A published stream, named by the connection that carries it."""

    connection_id: str
    media: list[str] | None = None
    source: str | None = None


class Grants(Shape):
    """What a seat may do."""

    publish: list[str] = Field(default_factory=list)
    subscribe: bool = True
    signal: bool = True
    chat: bool = True
    moderate: bool = False
    hidden: bool = False


class Participant(Shape):
    """A seat as everybody sees it."""

    id: str
    name: str = ""
    role: str = "publisher"
    grants: Grants | None = None
    state: str = "joined"
    metadata: dict[str, Any] = Field(default_factory=dict)
    muted: Muted = Muted()
    presence: Presence = Presence()
    hand_raised_at: datetime | None = None
    streams: list[Stream] = Field(default_factory=list)


class StateEntry(Shape):
    """A key of the shared state: its value, and the version of the session since which it has it."""

    value: Any
    version: int


class Session(Shape):
    """A snapshot: the state as of ``version``."""

    id: str
    custom_id: str | None = None
    status: str = "open"
    version: int
    epoch: int
    metadata: dict[str, Any] = Field(default_factory=dict)
    max_participants: int
    empty_timeout: int
    departure_timeout: int
    grace: int
    duplicates: str = "allow"
    created_at: datetime
    closed_at: datetime | None = None
    closed_because: str | None = None
    peak_participants: int | None = None
    participant_minutes: float | None = None
    participants: list[Participant] = Field(default_factory=list)
    hidden: list[Participant] = Field(default_factory=list)
    state: dict[str, StateEntry] = Field(default_factory=dict)
    """What those in it share, by key."""


class Connection(Shape):
    """One WebRTC endpoint of a participant; ``sdp_answer`` is None until the offer was answered."""

    id: str
    kind: str
    publisher: str | None = None
    epoch: int
    state: str
    sdp_answer: str | None = None
    media: list[str] | None = None


class Accepted(Shape):
    """An offer whose answer takes longer; it comes as a message ``answer``, or ``error`` with ``command_id``."""

    id: str
    command_id: str


class Joined(Shape):
    """A seat taken: who one is, the token of the seat, and the session as it was right after."""

    participant: Participant
    token: str
    ice_servers: list[dict[str, Any]] = Field(default_factory=list)
    session: Session
    connections: list[Connection] = Field(default_factory=list)


class Message(Shape):
    """One message of a seat, as the others of ``type`` are; ``version`` is set on state events of the session."""

    id: str
    type: str
    session_id: str
    version: int | None = None
    at: datetime
    data: dict[str, Any]
    snapshot: Session | None = None
    """With ``resync-required``: the session as it was read then; what it knows already is not told again."""


class Batch(Shape):
    """What a mailbox gives at a time, and the token that acknowledges it; without messages it is the heartbeat."""

    messages: list[Message] = Field(default_factory=list)
    ack: str | None = None


class Event(Shape):
    """Something that happened in a session, or was refused (CloudEvents 1.0); it may come twice, under the same id."""

    id: str
    type: str
    time: datetime
    session_id: str = Field(alias="sessionid")
    version: int | None = Field(None, alias="sessionversion")
    """The session's version after it; None: it changed nothing."""
    subject: str | None = None
    """The participant or connection that it is about."""
    tenant: str | None = None
    actor: str
    """Who asked: ``key:…``, ``identity:…``, ``seat:…``, ``open``; ``callplane``: nobody did."""
    request_id: str | None = Field(None, alias="requestid")
    data: dict[str, Any]


class ChatMessage(Shape):
    """A message of the chat as it is now; of one that was deleted nothing but that."""

    id: str
    position: int
    sender: str | None = Field(None, alias="from")
    to: list[str] | None = None
    at: datetime | None = None
    data: Any = None
    edited_at: datetime | None = None
    deleted: bool = False


class SeatPresence(Shape):
    """Somebody's presence in one session."""

    session_id: str
    participant_id: str
    name: str
    state: str
    presence: Presence
    hand_raised_at: datetime | None = None
    last_active_at: datetime | None = None


class Ban(Shape):
    """Who may not join a session."""

    identity: str
    participant_id: str
    at: datetime | None = None
    reason: str


class Webhook(Shape):
    """An endpoint that events are posted to; ``secret`` is there when it was made or rotated, and only then."""

    id: str
    url: str
    types: list[str]
    state: str
    reason: str | None = None
    created_at: datetime | None = None
    old_secrets_until: datetime | None = None
    secret: str = ""


class Delivery(Shape):
    """One event on its way to one endpoint: ``pending``, ``delivered``, or ``dead`` until it is replayed."""

    id: str
    event_id: str
    type: str
    state: str
    tries: int
    at: datetime | None = None
    last_status: int | None = None
    last_error: str | None = None


class Attempt(Shape):
    """One try to send a delivery, and what it brought."""

    at: datetime
    milliseconds: int
    status: int | None = None
    error: str | None = None


class Token(Shape):
    """An access token that was signed."""

    token: str
    expires_at: datetime
