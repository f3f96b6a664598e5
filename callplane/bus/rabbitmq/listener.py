"""Commands in: every session's queue and ``wrapper``, spread over a dozen channels."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from zlib import crc32

from aiormq.abc import DeliveredMessage

from callplane.bus.consuming.worker_pool import ConsumerLimits, WorkerPool
from callplane.bus.names import SESSION_PREFETCH, WRAPPER, WRAPPER_PREFETCH, session_name, session_of
from callplane.bus.ports import StillOpen, Work, always
from callplane.bus.rabbitmq.connection import AmqpConnection
from callplane.bus.rabbitmq.consumer_channel import ConsumerCallbacks, ConsumerChannel
from callplane.bus.rabbitmq.publisher import Publisher
from callplane.bus.rabbitmq.settlement import RabbitSettlement, received
from callplane.bus.rabbitmq.topology import RabbitTopology
from callplane.concurrency import alongside, for_each, forever
from callplane.contracts.errors import NodeDown, Trouble, Unavailable
from callplane.contracts.ids import SessionId
from callplane.telemetry.logs import logger

log = logger("bus")

LANES = 12


@dataclass(frozen=True, slots=True)
class ListenerConnections:
    """The connections that a listener works with."""

    consuming: AmqpConnection
    publisher: Publisher
    topology: RabbitTopology
    pace: ConsumerLimits = field(default_factory=ConsumerLimits)


class RabbitListener:
    """The Listener port; it is also the taps of its own intake."""

    def __init__(self, work: Work, lines: ListenerConnections) -> None:
        self._work = work
        self._topology = lines.topology
        self.intake = WorkerPool(work, RabbitSettlement(lines.consuming, lines.publisher), self, lines.pace)
        user = ConsumerCallbacks(self._arrived, self._vanished, lines.topology.queue_exists, lines.topology.all_exist)
        self._lanes = [ConsumerChannel(lines.consuming, SESSION_PREFETCH, user) for _ in range(LANES)]
        self._creation = ConsumerChannel(lines.consuming, WRAPPER_PREFETCH, user)
        self._creation.want(WRAPPER)
        self.lanes = (*self._lanes, self._creation)
        self._pause = lines.pace.health_interval

    async def listen(self, session_id: SessionId, still: StillOpen = always) -> bool:
        """Declare the session's queue, exchange and binding, and consume the queue; harmless when repeated.

        To consume a queue that is being deleted would end the channel, and with it a twelfth of all consumers: hence
        ``still``, after declaring. After an Unavailable or a NodeDown the session is listened to as soon as the
        broker, or that node, is back.
        """
        lane = self._lane(session_id)
        try:
            await self._topology.open_session(session_id)
            if not await still():
                return False
            await lane.add(session_name(session_id))
        except (Unavailable, NodeDown):
            lane.want(session_name(session_id))
            raise
        return True

    async def listen_all(self, session_ids: Iterable[SessionId]) -> None:
        """Consume the queues of all of these that exist, hundreds for each round trip."""
        queues = defaultdict[ConsumerChannel, list[str]](list)
        for session_id in session_ids:
            queues[self._lane(session_id)].append(session_name(session_id))
        await for_each(lambda lane: lane.fill(queues[lane]), queues, limit=LANES)

    async def unlisten(self, session_id: SessionId) -> None:
        """Stop consuming the session's queue; harmless when repeated."""
        await self._lane(session_id).remove(session_name(session_id))

    def listening(self) -> frozenset[SessionId]:
        """The sessions whose queues are consumed now."""
        return _sessions(lane.consumed for lane in self._lanes)

    def wanted(self) -> frozenset[SessionId]:
        """Those, and the ones that will be as soon as the wrapper is healthy and the broker is there: none is lost."""
        return _sessions(lane.wanted for lane in self._lanes)

    async def drain(self) -> None:
        """Start nothing more, finish what runs, give back the rest uncounted."""
        await self.intake.drain()

    async def open(self) -> None:
        """Consume (again) everything that is listened to."""
        await for_each(ConsumerChannel.open, self.lanes, limit=len(self.lanes))

    async def close(self) -> None:
        """Cancel every consumer; back when nothing more can arrive."""
        await for_each(ConsumerChannel.close, self.lanes, limit=len(self.lanes))

    def _lane(self, session_id: SessionId) -> ConsumerChannel:
        return self._lanes[crc32(session_id.encode()) % LANES]

    async def _arrived(self, queue: str, message: DeliveredMessage) -> None:
        self.intake.arrived(received(queue, message))

    def _vanished(self, queue: str) -> None:
        session_id = session_of(queue)
        self.intake.aside(self._restore_creation() if session_id is None else self._tell(session_id))

    async def _tell(self, session_id: SessionId) -> None:
        await self._until_there(lambda: self._work.on_cancelled(session_id))

    async def _restore_creation(self) -> None:
        async def declare_and_consume() -> None:
            await self._topology.open_creation()
            await self._creation.add(WRAPPER)

        await self._until_there(declare_and_consume)

    async def _until_there(self, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await act()
            except (Unavailable, Trouble) as trouble:
                log.info("tried again", why=str(trouble))
                await asyncio.sleep(self._pause)
            else:
                return


def _sessions(queues: Iterable[frozenset[str]]) -> frozenset[SessionId]:
    names = frozenset[str]().union(*queues)
    return frozenset(session for queue in names if (session := session_of(queue)) is not None)


@asynccontextmanager
async def open_listener(work: Work, lines: ListenerConnections) -> AsyncIterator[RabbitListener]:
    """Consume for as long as the block runs, and drain at its end."""
    listener = RabbitListener(work, lines)
    again = [forever("consumers", lane.run, failed=lambda _: lines.consuming.drop()) for lane in listener.lanes]
    async with alongside(*again), listener.intake.serve():
        yield listener
