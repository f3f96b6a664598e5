"""Operator views: what is open, who serves, dead letters, media servers, unreadable documents (design 8.2)."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from callplane.contracts.engines import Engine
from callplane.contracts.ids import ConnectionId, ParticipantId, SessionId
from callplane.contracts.model import Wire
from callplane.contracts.shapes import ConnectionState, Kind

ServerState = Literal["up", "down", "draining"]


class DeadLetterView(Wire):
    """A command that was given up, without what its caller had sent: bodies hold SDP and metadata."""

    id: str = Field(description="the command's id, as logs and 202 answers name it")
    name: str | None = Field(description="which command it is; null when its body cannot be read")
    session_id: SessionId | None = Field(description="the session that it is for, as far as that is known")
    tenant: str | None = Field(default=None, description="the tenant of the key or token that asked; null: of a seat")
    queue: str = Field(description="the queue that it came from")
    reason: str = Field(description="why it was given up")
    attempt: int = Field(description="how often it had been tried")
    failed_at: datetime | None = Field(description="when it was given up")


class UnreadableView(Wire):
    """A document that no program can read, without what is in it: that may be anybody's."""

    collection: str = Field(description="the collection that it lies in")
    key: str = Field(description="what names it in requests, whatever its id is")
    id: str = Field(description="its `_id`, as far as that can be shown")
    session_id: SessionId | None = Field(description="the session that it belongs to, as far as that is known")
    why: str = Field(description="what it is read as, and the places that do not fit")


class MediaServerView(Wire):
    """A media server of the pool as operators see it."""

    name: str
    """what it is called"""
    url: str
    """its WebSocket address"""
    state: ServerState = Field(description="`draining` while sessions are being moved off; `down`: nobody reaches it")
    cordoned: bool = Field(description="no session is placed on it")
    memory: int = Field(description="used memory in KiB, as last read")
    sessions: int = Field(description="open sessions whose media is on it")
    pipelines: int | None = Field(
        default=None, description="media pipelines in its process, of others too; null while nobody has counted"
    )
    server_id: str | None = Field(default=None, description="its process; another one has another id")
    detail: str = Field(default="", description="what keeps it from doing as it was told, if anything does")


class OverviewRow(Wire):
    """A session of the overview, without who is in it."""

    id: SessionId
    """its id"""
    custom_id: str | None
    """what its maker calls it"""
    epoch: int
    """how many media servers it has had"""
    people: int
    """how many are in it"""
    reconnecting: int
    """how many of them are away just now"""
    created_at: datetime | None
    """since when it is open"""


class OverviewView(Wire):
    """How much is open of what a key reaches, and which sessions somebody should look at."""

    sessions: int
    """open ones"""
    people: int
    """who are in them"""
    streams: int
    """which they publish"""
    moved: int
    """open sessions that have lost a media server"""
    reconnecting: list[OverviewRow]
    """sessions with somebody who is away just now; twenty at most"""
    most_moved: list[OverviewRow]
    """of those that have lost a media server, the twenty with the highest epoch"""


class WrapperView(Wire):
    """A wrapper that lives; what it has not said yet, or in another version's words, is null."""

    id: str
    """of this run of it"""
    version: str | None
    """of the program"""
    load: float | None
    """CPU seconds a second, over its last look"""
    sessions: int | None
    """whose own queues it listens to"""
    shards: int | None
    """of the 64 queues that sessions share, those that it listens to"""
    media_servers: list[str]
    """to which it has a socket"""


class PodView(Wire):
    """An API pod that lives."""

    id: str
    """of this run of it"""
    version: str | None
    """of the program"""
    holds_mailboxes: bool
    """whether it is connected to the broker, and may hold mailboxes"""
    commands_per_second: float | None = None
    """that it has answered in the last ten seconds; null: not said"""
    p99_ms: float | None = None
    """within so many milliseconds 99 of 100 of them had their outcome; null: there was none"""


class QueueView(Wire):
    """What waits somewhere."""

    name: str
    """a queue that is always there, or what sessions owe"""
    messages: int | None
    """how many; null: that is not counted"""
    waiting_seconds: float
    """for how long it has not been empty, as far as living wrappers know; of what is owed, the oldest's age"""


class GraphConnection(Wire):
    """A connection as the graph shows it, without what was negotiated."""

    id: ConnectionId
    """of the connection"""
    participant_id: ParticipantId
    """whose it is"""
    kind: Kind
    """whether it sends or receives"""
    publisher: ParticipantId | None = None
    """whose stream it receives; null where it sends"""
    epoch: int
    """of the session; one of an epoch before carries nothing any more"""
    state: ConnectionState
    """`ready` once it is answered"""


class GraphView(Wire):
    """What carries the media of a session."""

    epoch: int
    """how many media servers it has had"""
    media_server: str | None
    """on which it is, for operators; null: on none, or not told"""
    connections: list[GraphConnection]
    """those that were offered and have not ended, 500 at most"""
    more: int
    """how many there are besides"""


class MailboxView(Wire):
    """How a participant's messages are read."""

    engine: Engine
    """how they go: `queues` or `log`"""
    state: Literal["attached", "detached", "ended"]
    """`attached` while its client is connected or has asked of late"""
    since: datetime
    """when that began"""
    waiting: int | None
    """how many it had not acknowledged when that was written last, once a minute while it is read: so many at most;
    null: on queues, where RabbitMQ alone knows, or ended"""


class FailoverView(Wire):
    """Sessions that had lost their media server, or were moved off one, placed anew within a minute of each other."""

    at: datetime
    """when the last of them was placed"""
    sessions: int
    """how many"""
    seconds: float
    """how long the slowest took, from the loss of its media"""
    session_id: SessionId
    """the slowest"""


class ProcessesView(Wire):
    """Who serves, and what waits for them; as of some seconds ago."""

    wrappers: list[WrapperView]
    """whose lease runs, two hundred at most"""
    pods: list[PodView]
    """whose lease runs, two hundred at most"""
    queues: list[QueueView]
    """those that are always there, and what sessions owe"""
    last_failover: FailoverView | None = None
    """the last that living wrappers know of"""
