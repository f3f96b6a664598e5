"""In-process command listener, and what the outcome policy has decided, done on the in-process broker."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from callplane.bus.consuming.delivery import RawDelivery
from callplane.bus.consuming.worker_pool import ConsumerLimits, WorkerPool
from callplane.bus.memory.broker import Consumer, DeadLetter, MemoryBroker
from callplane.bus.names import (
    RETRY_DELAY,
    SESSION_PREFETCH,
    SHARDS,
    WRAPPER,
    WRAPPER_PREFETCH,
    server_name,
    server_of,
    session_name,
    session_of,
)
from callplane.bus.ports import StillOpen, Work, always
from callplane.contracts.engines import Engine
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import CommandId, SessionId, new_id
from callplane.contracts.replies import Answer


class MemorySettlement:
    """The Settlement port: everything happens at once, in the process."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def reply(self, received: RawDelivery, reply: Answer) -> None:
        """Answer the caller, if it asked for an answer and is still there."""
        if received.reply_to is not None:
            self._broker.reply(received.reply_to, reply.encoded())

    async def republish(self, received: RawDelivery, attempt: int, *, later: bool) -> None:
        """Publish the command once more under the given count: now, or after the retry delay."""
        copy = replace(received, attempt=attempt, redelivered=False, handle=None)
        if later:
            self._broker.give_back_later(copy, RETRY_DELAY)
        else:
            self._broker.give_back(copy)

    async def pass_on(self, received: RawDelivery, server: str) -> None:
        """Put it where those take it who reach the media server, or into its own queue later."""
        copy = replace(received, redelivered=False, handle=None)
        if not self._broker.pass_on(copy, server_name(server)):
            self._broker.give_back_later(copy, RETRY_DELAY)

    async def dead_letter(self, received: RawDelivery, reason: str) -> None:
        """Put the command among the dead letters, saying why."""
        # A letter without an id could not be asked for.
        letter = replace(received, handle=None, command_id=received.command_id or CommandId(new_id()))
        self._broker.dead_letters.append(DeadLetter(letter, reason, datetime.now(UTC)))

    async def ack(self, received: RawDelivery) -> None:
        """Settle the delivery."""
        consumer, tag = received.handle
        self._broker.acknowledge(consumer, tag)

    async def requeue(self, received: RawDelivery) -> None:
        """Requeue it."""
        consumer, tag = received.handle
        self._broker.refuse(consumer, tag)

    def is_lost(self, received: RawDelivery) -> bool:
        """Whether it was taken back."""
        consumer, tag = received.handle
        return tag not in consumer.held


class MemoryListener:
    """The Listener port; also the consumers of its own worker pool."""

    def __init__(self, work: Work, broker: MemoryBroker, limits: ConsumerLimits, *, shards: bool = False) -> None:
        self._work = work
        self._shards = shards
        """Whether it declares shards."""
        self._broker = broker
        self._retry_pause = limits.health_interval
        self._wanted: set[str] = {WRAPPER}
        self._ending: set[str] = set()
        """Of what is wanted that whose end is expected, so that nobody is told of it."""
        self._consumers: dict[str, Consumer] = {}
        self._cancelled: list[Consumer] = []
        """Consumers that are over, and still hold what they have not acknowledged."""
        self._is_open = True
        self.pool = WorkerPool(work, MemorySettlement(broker), self, limits)

    async def listen(self, session_id: SessionId, still: StillOpen = always, engine: Engine = "queues") -> bool:
        """Declare the session's queue and, if it is still open, consume it; harmless when repeated."""
        queue = session_name(session_id)
        self._broker.declare(queue)
        if not await still():
            return False
        self._want(queue)
        return True

    async def listen_all(self, session_ids: Iterable[SessionId]) -> None:
        """Consume the queues of all of these that exist."""
        for session_id in session_ids:
            queue = session_name(session_id)
            if self._broker.exists(queue):
                await self.listen(session_id)

    async def unlisten(self, session_id: SessionId) -> None:
        """Stop consuming the session's queue; harmless when repeated."""
        self._wanted.discard(session_name(session_id))
        self._ending.discard(session_name(session_id))
        self._cancel(session_name(session_id))

    def expect_deletion(self, session_id: SessionId) -> None:
        """Its queue is consumed until it is deleted, and nobody is told then."""
        if session_name(session_id) in self._wanted:
            self._ending.add(session_name(session_id))

    async def listen_shared(self) -> None:
        """Consume the shards, declared where this wrapper is told to."""
        for queue in SHARDS:
            if self._shards:
                self._broker.declare(queue)
            if self._broker.exists(queue):
                self._want(queue)

    def shards(self) -> int:
        """How many shards are consumed now."""
        return len(self._consumers.keys() & set(SHARDS))

    async def reach(self, server: str) -> None:
        """Take what is passed on to those who reach this media server."""
        if self._shards:
            self._broker.declare(server_name(server))
            self._want(server_name(server))

    async def unreach(self, server: str) -> None:
        """Take nothing more of that."""
        self._wanted.discard(server_name(server))
        self._cancel(server_name(server))

    def listening(self) -> frozenset[SessionId]:
        """The sessions whose queues are consumed now."""
        return frozenset(session for queue in self._consumers if (session := session_of(queue)) is not None)

    def wanted(self) -> frozenset[SessionId]:
        """Those, and the ones that will be as soon as the wrapper is healthy: none is lost."""
        return frozenset(session for queue in self._wanted if (session := session_of(queue)) is not None)

    async def drain(self) -> None:
        """Start nothing more, finish what runs, give back the rest uncounted."""
        await self.pool.drain()

    async def open(self) -> None:
        """Consume (again) everything that is listened to."""
        self._is_open = True
        for queue in sorted(self._wanted):
            if self._broker.exists(queue):
                self._consume(queue)
            else:
                self._on_deleted(queue)

    async def close(self) -> None:
        """Cancel every consumer."""
        self._is_open = False
        for queue in list(self._consumers):
            self._cancel(queue)

    def take_back(self) -> None:
        """Requeue whatever is not acknowledged: the end of this listener."""
        for consumer in (*self._cancelled, *self._consumers.values()):
            self._broker.cancel(consumer)
            self._broker.requeue(consumer)

    def _want(self, queue: str) -> None:
        self._wanted.add(queue)
        if self._is_open:
            self._consume(queue)

    def _consume(self, queue: str) -> None:
        if queue not in self._consumers:
            for_many = queue == WRAPPER or server_of(queue) is not None
            prefetch = WRAPPER_PREFETCH if for_many else SESSION_PREFETCH
            consumer = self._consumers[queue] = Consumer(queue, prefetch, self.pool.submit, self._on_deleted)
            self._broker.consume(consumer)

    def _cancel(self, queue: str) -> None:
        consumer = self._consumers.pop(queue, None)
        if consumer is not None:
            self._broker.cancel(consumer)
            self._cancelled = [one for one in (*self._cancelled, consumer) if one.held]

    def _on_deleted(self, queue: str) -> None:
        expected = queue in self._ending
        self._wanted.discard(queue)
        self._ending.discard(queue)
        self._cancel(queue)
        if not expected and (session_id := session_of(queue)) is not None:
            self.pool.in_background(self._report_deleted, session_id)

    async def _report_deleted(self, session_id: SessionId) -> None:
        while True:
            try:
                await self._work.on_cancelled(session_id)
            except Unavailable:
                await asyncio.sleep(self._retry_pause)
            else:
                return


@asynccontextmanager
async def open_listener(
    work: Work, broker: MemoryBroker, limits: ConsumerLimits, *, shards: bool = False
) -> AsyncIterator[MemoryListener]:
    """Consume for as long as the block runs, and drain at its end."""
    listener = MemoryListener(work, broker, limits, shards=shards)
    try:
        async with listener.pool.serve():
            await listener.open()
            yield listener
    finally:
        listener.take_back()
