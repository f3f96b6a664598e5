"""Commands in, on the in-process bus."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from callplane.bus.consuming.delivery import RawDelivery
from callplane.bus.consuming.worker_pool import ConsumerLimits, WorkerPool
from callplane.bus.memory.broker import Consumer, DeadLetter, MemoryBroker
from callplane.bus.names import RETRY_DELAY, SESSION_PREFETCH, WRAPPER, WRAPPER_PREFETCH, session_name, session_of
from callplane.bus.ports import StillOpen, Work, always
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import CommandId, SessionId, new_id
from callplane.contracts.replies import Reply


class MemorySettlement:
    """The Desk of the in-process bus."""

    def __init__(self, exchange: MemoryBroker) -> None:
        self._exchange = exchange

    async def reply(self, received: RawDelivery, reply: Reply) -> None:
        """Answer the caller, if it asked for an answer and is still there."""
        if received.reply_to is not None:
            self._exchange.reply(received.reply_to, reply.model_dump_json().encode())

    async def again(self, received: RawDelivery, attempt: int, *, later: bool) -> None:
        """Publish the command once more under the given count: now, or after the retry delay."""
        copy = replace(received, attempt=attempt, redelivered=False, handle=None)
        if later:
            self._exchange.give_back_later(copy, RETRY_DELAY)
        else:
            self._exchange.give_back(copy)

    async def bury(self, received: RawDelivery, reason: str) -> None:
        """Put the command among the dead letters, saying why."""
        # A letter without an id could not be asked for.
        letter = replace(received, handle=None, command_id=received.command_id or CommandId(new_id()))
        self._exchange.dead_letters.append(DeadLetter(letter, reason, datetime.now(UTC)))

    async def ack(self, received: RawDelivery) -> None:
        """Settle the delivery."""
        consumer, tag = received.handle
        self._exchange.acknowledge(consumer, tag)

    async def refuse(self, received: RawDelivery) -> None:
        """Requeue it."""
        consumer, tag = received.handle
        self._exchange.refuse(consumer, tag)

    def lost(self, received: RawDelivery) -> bool:
        """Whether it was taken back."""
        consumer, tag = received.handle
        return tag not in consumer.held


class MemoryListener:
    """The Listener port; it is also the taps of its own intake."""

    def __init__(self, work: Work, exchange: MemoryBroker, pace: ConsumerLimits) -> None:
        self._work = work
        self._exchange = exchange
        self._retry = pace.health_interval
        self._wanted: set[str] = {WRAPPER}
        self._consumers: dict[str, Consumer] = {}
        self._left: list[Consumer] = []
        self._opened = True
        self.intake = WorkerPool(work, MemorySettlement(exchange), self, pace)

    async def listen(self, session_id: SessionId, still: StillOpen = always) -> bool:
        """Declare the session's queue and, if it is still open, consume it; harmless when repeated."""
        queue = session_name(session_id)
        self._exchange.declare(queue)
        if not await still():
            return False
        self._wanted.add(queue)
        if self._opened:
            self._consume(queue)
        return True

    async def listen_all(self, session_ids: Iterable[SessionId]) -> None:
        """Consume the queues of all of these that exist."""
        for session_id in session_ids:
            queue = session_name(session_id)
            if self._exchange.exists(queue):
                await self.listen(session_id)

    async def unlisten(self, session_id: SessionId) -> None:
        """Stop consuming the session's queue; harmless when repeated."""
        self._wanted.discard(session_name(session_id))
        self._cancel(session_name(session_id))

    def listening(self) -> frozenset[SessionId]:
        """The sessions whose queues are consumed now."""
        return frozenset(session for queue in self._consumers if (session := session_of(queue)) is not None)

    def wanted(self) -> frozenset[SessionId]:
        """Those, and the ones that will be as soon as the wrapper is healthy: none is lost."""
        return frozenset(session for queue in self._wanted if (session := session_of(queue)) is not None)

    async def drain(self) -> None:
        """Start nothing more, finish what runs, give back the rest uncounted."""
        await self.intake.drain()

    async def open(self) -> None:
        """Consume (again) everything that is listened to."""
        self._opened = True
        for queue in sorted(self._wanted):
            if self._exchange.exists(queue):
                self._consume(queue)
            else:
                self._vanished(queue)

    async def close(self) -> None:
        """Cancel every consumer."""
        self._opened = False
        for queue in list(self._consumers):
            self._cancel(queue)

    def take_back(self) -> None:
        """Requeue whatever is not acknowledged: the end of this listener."""
        for consumer in (*self._left, *self._consumers.values()):
            self._exchange.cancel(consumer)
            self._exchange.requeue(consumer)

    def _consume(self, queue: str) -> None:
        if queue not in self._consumers:
            prefetch = WRAPPER_PREFETCH if queue == WRAPPER else SESSION_PREFETCH
            consumer = self._consumers[queue] = Consumer(queue, prefetch, self.intake.arrived, self._vanished)
            self._exchange.consume(consumer)

    def _cancel(self, queue: str) -> None:
        consumer = self._consumers.pop(queue, None)
        if consumer is not None:
            self._exchange.cancel(consumer)
            self._left = [one for one in (*self._left, consumer) if one.held]

    def _vanished(self, queue: str) -> None:
        self._wanted.discard(queue)
        self._cancel(queue)
        if (session_id := session_of(queue)) is not None:
            self.intake.aside(self._tell(session_id))

    async def _tell(self, session_id: SessionId) -> None:
        while True:
            try:
                await self._work.on_cancelled(session_id)
            except Unavailable:
                await asyncio.sleep(self._retry)
            else:
                return


@asynccontextmanager
async def open_listener(work: Work, exchange: MemoryBroker, pace: ConsumerLimits) -> AsyncIterator[MemoryListener]:
    """Consume for as long as the block runs, and drain at its end."""
    listener = MemoryListener(work, exchange, pace)
    try:
        async with listener.intake.serve():
            await listener.open()
            yield listener
    finally:
        listener.take_back()
