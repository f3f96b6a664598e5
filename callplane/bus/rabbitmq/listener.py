"""Command listener: every session's queue, and those that sessions share, spread over a dozen channels."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from zlib import crc32

from callplane.bus.consuming.worker_pool import ConsumerLimits, WorkerPool
from callplane.bus.names import SESSION_PREFETCH, WRAPPER_PREFETCH, session_name, session_of
from callplane.bus.ports import StillOpen, Work, always
from callplane.bus.rabbitmq.connection import AmqpConnection
from callplane.bus.rabbitmq.consumer_callbacks import ConsumerCallbacks
from callplane.bus.rabbitmq.consumer_channel import ConsumerChannel
from callplane.bus.rabbitmq.content_channel import Delivered
from callplane.bus.rabbitmq.publisher import Publisher
from callplane.bus.rabbitmq.settlement import RabbitSettlement, raw_delivery
from callplane.bus.rabbitmq.shared_queues import SharedQueues, is_for_many
from callplane.bus.rabbitmq.topology import RabbitTopology
from callplane.concurrency import alongside, for_each, forever
from callplane.contracts.engines import Engine
from callplane.contracts.errors import NodeDown, Trouble, Unavailable
from callplane.contracts.ids import SessionId
from callplane.telemetry.logs import logger

log = logger("bus")

CHANNELS = 12


@dataclass(frozen=True, slots=True)
class ListenerConnections:
    """The connections that a listener works with."""

    consuming: AmqpConnection
    publisher: Publisher
    topology: RabbitTopology
    limits: ConsumerLimits = field(default_factory=ConsumerLimits)
    shards: bool = False
    """Whether shards are declared."""


class RabbitListener:
    """The Listener port; also the consumers of its own worker pool."""

    def __init__(self, work: Work, connections: ListenerConnections) -> None:
        self._work = work
        self._topology = connections.topology
        self.pool = WorkerPool(
            work, RabbitSettlement(connections.consuming, connections.publisher), self, connections.limits
        )
        callbacks = ConsumerCallbacks(
            self._on_delivery, self._on_deleted, connections.topology.queue_exists, connections.topology.all_exist
        )
        self._session_channels = [
            ConsumerChannel(connections.consuming, SESSION_PREFETCH, callbacks) for _ in range(CHANNELS)
        ]
        self._channel_for_many = ConsumerChannel(connections.consuming, WRAPPER_PREFETCH, callbacks)
        self.channels = (*self._session_channels, self._channel_for_many)
        self._shared = SharedQueues(
            connections.consuming, connections.topology, self._channel_of_queue, shards=connections.shards
        )
        self._pause = connections.limits.health_interval

    async def listen(self, session_id: SessionId, still: StillOpen = always, engine: Engine = "queues") -> bool:
        """Declare the session's queue, and what its engine needs besides, and consume it; harmless when repeated.

        To consume a queue that is being deleted would end the channel, and with it a twelfth of all consumers: hence
        ``still``, after declaring. After an Unavailable or a NodeDown the session is listened to as soon as the
        broker, or that node, is back.
        """
        channel = self._channel_of(session_id)
        try:
            await (self._topology.open_commands if engine == "log" else self._topology.open_session)(session_id)
            if not await still():
                return False
            await channel.add(session_name(session_id))
        except (Unavailable, NodeDown):
            channel.want(session_name(session_id))
            raise
        return True

    async def listen_all(self, session_ids: Iterable[SessionId]) -> None:
        """Consume the queues of all of these that exist, hundreds for each round trip."""
        queues = defaultdict[ConsumerChannel, list[str]](list)
        for session_id in session_ids:
            queues[self._channel_of(session_id)].append(session_name(session_id))
        await for_each(lambda channel: channel.fill(queues[channel]), queues, limit=CHANNELS)

    async def unlisten(self, session_id: SessionId) -> None:
        """Stop consuming the session's queue; harmless when repeated."""
        await self._channel_of(session_id).remove(session_name(session_id))

    def expect_deletion(self, session_id: SessionId) -> None:
        """Its queue is consumed until it is deleted, and nobody asks then whether it is."""
        self._channel_of(session_id).expect_deletion(session_name(session_id))

    async def listen_shared(self) -> None:
        """Declare and consume what this wrapper is told to, and consume what others have declared."""
        await self._shared.listen()

    def shards(self) -> int:
        """How many shards are consumed now, by either name."""
        return self._shared.shards()

    async def reach(self, server: str) -> None:
        """Take what is passed on to those who reach this media server."""
        await self._shared.reach(server)

    async def unreach(self, server: str) -> None:
        """Take nothing more of that."""
        await self._shared.unreach(server)

    def listening(self) -> frozenset[SessionId]:
        """The sessions whose queues are consumed now."""
        return _sessions(channel.consumed for channel in self._session_channels)

    def wanted(self) -> frozenset[SessionId]:
        """Those, and the ones that will be as soon as the wrapper is healthy and the broker is there: none is lost."""
        return _sessions(channel.wanted for channel in self._session_channels)

    async def drain(self) -> None:
        """Start nothing more, finish what runs, give back the rest uncounted."""
        await self.pool.drain()

    async def open(self) -> None:
        """Consume (again) everything that is listened to."""
        await for_each(ConsumerChannel.open, self.channels, limit=len(self.channels))

    async def close(self) -> None:
        """Cancel every consumer; back when nothing more can arrive."""
        await for_each(ConsumerChannel.close, self.channels, limit=len(self.channels))

    def _channel_of(self, session_id: SessionId) -> ConsumerChannel:
        return self._channel_of_queue(session_name(session_id))

    def _channel_of_queue(self, queue: str) -> ConsumerChannel:
        if is_for_many(queue):
            return self._channel_for_many
        return self._session_channels[crc32((session_of(queue) or queue).encode()) % CHANNELS]

    def _on_delivery(self, queue: str, message: Delivered) -> None:
        self.pool.submit(raw_delivery(queue, message))

    def _on_deleted(self, queue: str) -> None:
        session_id = session_of(queue)
        if session_id is None:
            self.pool.in_background(self._restore, queue)
        else:
            self.pool.in_background(self._report_deleted, session_id)

    async def _report_deleted(self, session_id: SessionId) -> None:
        await self._repeat(lambda: self._work.on_cancelled(session_id))

    async def _restore(self, queue: str) -> None:
        await self._repeat(lambda: self._shared.restore(queue))

    async def _repeat(self, act: Callable[[], Awaitable[None]]) -> None:
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
async def open_listener(work: Work, connections: ListenerConnections) -> AsyncIterator[RabbitListener]:
    """Consume for as long as the block runs, and drain at its end."""
    listener = RabbitListener(work, connections)
    again = [
        forever("consumers", channel.run, failed=lambda _: connections.consuming.drop())
        for channel in listener.channels
    ]
    async with alongside(*again), listener.pool.serve():
        yield listener
