"""RabbitMQ bus: the two connections of one process, and the ports upon them."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from callplane.bus.consuming.worker_pool import ConsumerLimits
from callplane.bus.dead_letters import DeadLetters
from callplane.bus.event_ports import EventBus
from callplane.bus.hint_ports import HintBus
from callplane.bus.ports import Listener, Messenger, Sender, Topology, Work
from callplane.bus.rabbitmq.connection import AmqpConnection, Timings, open_connection
from callplane.bus.rabbitmq.dead_letters import RabbitDeadLetters
from callplane.bus.rabbitmq.events import RabbitEvents
from callplane.bus.rabbitmq.hints import RabbitHints
from callplane.bus.rabbitmq.listener import ListenerConnections, open_listener
from callplane.bus.rabbitmq.publisher import Publisher, RabbitMessenger
from callplane.bus.rabbitmq.sender import open_sender
from callplane.bus.rabbitmq.stream import RabbitStream
from callplane.bus.rabbitmq.topology import RabbitTopology
from callplane.bus.stream_ports import EventStream, StreamBounds


@dataclass(frozen=True, slots=True)
class RabbitSettings:
    """Where the broker is, how this process is called there, and its times."""

    url: str
    name: str = "callplane"
    timings: Timings = field(default_factory=Timings)
    quorum: bool = False
    """Whether the replicated twins of queues that sessions share are used."""
    shards: bool = False
    """Whether a listener declares shards; it consumes those that there are in any case."""
    limits: ConsumerLimits = field(default_factory=ConsumerLimits)
    stream: StreamBounds | None = None
    """What the stream of events keeps; None: there is none as far as this process is concerned."""


class RabbitBus:
    """The Bus port. Declaring goes by the consuming connection: on an alarm the broker stops reading the other."""

    def __init__(self, publishing: AmqpConnection, consuming: AmqpConnection, settings: RabbitSettings) -> None:
        self.publishing = publishing
        self.consuming = consuming
        self.publisher = Publisher(publishing)
        self._limits, self._shards = settings.limits, settings.shards
        self._topology = RabbitTopology(consuming)
        self._messenger = RabbitMessenger(self.publisher, self._topology.queue_exists)
        self._dead_letters = RabbitDeadLetters(consuming)
        self._events = RabbitEvents(consuming, self.publisher)
        self._stream = RabbitStream(settings.url, settings.name, settings.timings, settings.stream)
        self._hints = RabbitHints(settings.url, settings.name, settings.timings)

    @property
    def messenger(self) -> Messenger:
        """Publishes messages to sessions and participants."""
        return self._messenger

    @property
    def topology(self) -> Topology:
        """Declares and deletes queues and exchanges."""
        return self._topology

    @property
    def hints(self) -> HintBus:
        """Sends and receives hints, on connections of their own."""
        return self._hints

    @property
    def events(self) -> EventBus:
        """Publishes and consumes what happened."""
        return self._events

    @property
    def stream(self) -> EventStream:
        """Reads what has happened, on a connection for each reader."""
        return self._stream

    @property
    def dead_letters(self) -> DeadLetters:
        """Lists, replays and removes what was given up."""
        return self._dead_letters

    def up(self) -> bool:
        """Whether both connections stand."""
        return self.publishing.up() and self.consuming.up()

    async def wait_up(self, within: float) -> None:
        """Back once both connections stand; raises Unavailable after ``within`` seconds for either."""
        await self.publishing.wait_up(within)
        await self.consuming.wait_up(within)

    def sender(self) -> AbstractAsyncContextManager[Sender]:
        """Open the API's side of commands."""
        return open_sender(self.consuming, self.publisher)

    def listener(self, work: Work) -> AbstractAsyncContextManager[Listener]:
        """Open the wrapper's side of commands."""
        connections = ListenerConnections(
            self.consuming, self.publisher, self._topology, self._limits, shards=self._shards
        )
        return open_listener(work, connections)


@asynccontextmanager
async def open_bus(settings: RabbitSettings) -> AsyncIterator[RabbitBus]:
    """Connect, and stay connected, for as long as the block runs; the broker may be away when it begins."""
    connect = partial(open_connection, quorum=settings.quorum, stream=settings.stream)
    async with (
        connect(settings.url, f"{settings.name}-publishing", settings.timings) as publishing,
        connect(settings.url, f"{settings.name}-consuming", settings.timings) as consuming,
    ):
        yield RabbitBus(publishing, consuming, settings)
