"""In-process broker: command queues that consumers compete for, delays, dead letters and mailboxes."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count

from callplane.bus.consuming.delivery import RawDelivery
from callplane.bus.memory.events import MemoryEvents
from callplane.bus.memory.hints import MemoryHints
from callplane.bus.memory.mailboxes import MemoryMailboxes
from callplane.bus.names import WRAPPER, server_of
from callplane.bus.ports import Unroutable
from callplane.contracts.errors import Unavailable

QUEUE_LENGTH = 10_000
DEAD_LETTERS_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A command that was given up, why, and when."""

    received: RawDelivery
    reason: str
    failed_at: datetime


@dataclass(slots=True, eq=False)
class Consumer:
    """One listener's part in one queue: as many deliveries at once as its prefetch says."""

    queue: str
    prefetch: int
    on_delivery: Callable[[RawDelivery], None]
    on_deleted: Callable[[str], None]
    held: dict[int, RawDelivery] = field(default_factory=dict)
    cancelled: bool = False


@dataclass(slots=True, eq=False)
class _Queue:
    ready: deque[RawDelivery] = field(default_factory=deque)
    consumers: deque[Consumer] = field(default_factory=deque)


class MemoryBroker:
    """All queues of the process; everybody who shares one is on the same bus."""

    def __init__(self) -> None:
        self.mailboxes = MemoryMailboxes()
        self.hints = MemoryHints()
        self.events = MemoryEvents()
        self.dead_letters: deque[DeadLetter] = deque(maxlen=DEAD_LETTERS_KEPT)
        """Commands that were given up, oldest first."""
        self._queues: dict[str, _Queue] = {WRAPPER: _Queue()}
        """Name → command queue; what is not here does not exist."""
        self._replies: dict[str, Callable[[bytes], None]] = {}
        """Address → who takes the replies that go there."""
        self._delayed: set[asyncio.TimerHandle] = set()
        """A timer for each command that waits to be tried again."""
        self._tags = count(1)
        """Delivery tags, one for each delivery to anybody."""

    def declare(self, queue: str) -> None:
        """Make a queue; harmless when repeated."""
        self._queues.setdefault(queue, _Queue())

    def delete(self, queue: str) -> None:
        """Delete a queue with what it holds, and tell its consumers; harmless when repeated."""
        gone = self._queues.pop(queue, None)
        for consumer in gone.consumers if gone else ():
            consumer.cancelled = True
            consumer.on_deleted(queue)

    def exists(self, queue: str) -> bool:
        """Whether the queue is there."""
        return queue in self._queues

    def depths(self) -> dict[str, int]:
        """How much waits; the names are those of RabbitMQ's queues."""
        waiting, later = len(self._queues[WRAPPER].ready), len(self._delayed)
        return {WRAPPER: waiting, "retry": later, "dead-letters": len(self.dead_letters)}

    def publish(self, received: RawDelivery) -> None:
        """Put a new command into its queue; raises Unroutable, or Unavailable when the queue is full."""
        queue = self._queues.get(received.queue)
        if queue is None:
            raise Unroutable(received.queue)
        if len(queue.ready) >= QUEUE_LENGTH:
            raise Unavailable(f"{received.queue} is full")
        self.give_back(received)

    def give_back(self, received: RawDelivery) -> None:
        """Put a command that was accepted before into its queue; one that is gone drops it."""
        queue = self._queues.get(received.queue)
        if queue is not None:
            queue.ready.append(received)
            self._deliver(queue)

    def give_back_later(self, received: RawDelivery, delay: float) -> None:
        """Put it there after a delay."""

        def now() -> None:
            self._delayed.discard(timer)
            self.give_back(received)

        timer = asyncio.get_running_loop().call_later(delay, now)
        self._delayed.add(timer)

    def consume(self, consumer: Consumer) -> None:
        """Let a consumer compete for its queue."""
        queue = self._queues[consumer.queue]
        queue.consumers.append(consumer)
        self._deliver(queue)

    def cancel(self, consumer: Consumer) -> None:
        """Give a consumer nothing more; what it holds stays its own until acknowledged."""
        queue = self._queues.get(consumer.queue)
        if queue is not None and consumer in queue.consumers:
            queue.consumers.remove(consumer)
            if not queue.consumers and server_of(consumer.queue) is not None:
                passed, queue.ready = queue.ready, deque()
                for one in passed:
                    self.give_back(one)
        consumer.cancelled = True

    def requeue(self, consumer: Consumer) -> None:
        """Take back what a consumer did not acknowledge, marked as redelivered and in front."""
        queue = self._queues.get(consumer.queue)
        held, consumer.held = list(consumer.held.values()), {}
        if queue is not None:
            queue.ready.extendleft(replace(one, redelivered=True) for one in reversed(held))
            self._deliver(queue)

    def pass_on(self, received: RawDelivery, queue: str) -> bool:
        """Put a command into another queue than its own, if that is consumed; from there it is taken as its own's."""
        passed = self._queues.get(queue)
        if passed is None or not passed.consumers:
            return False
        passed.ready.append(received)
        self._deliver(passed)
        return True

    def refuse(self, consumer: Consumer, tag: int) -> None:
        """Take one back, marked as redelivered and in front."""
        queue, one = self._queues.get(consumer.queue), consumer.held.pop(tag, None)
        if queue is not None and one is not None:
            queue.ready.appendleft(replace(one, redelivered=True))
            self._deliver(queue)

    def acknowledge(self, consumer: Consumer, tag: int) -> None:
        """Forget a delivery, and let the next come."""
        consumer.held.pop(tag, None)
        queue = self._queues.get(consumer.queue)
        if queue is not None:
            self._deliver(queue)

    def answer_to(self, address: str, receive: Callable[[bytes], None]) -> None:
        """Take replies at an address."""
        self._replies[address] = receive

    def forget(self, address: str) -> None:
        """Take no more replies there."""
        self._replies.pop(address, None)

    def reply(self, address: str, body: bytes) -> None:
        """Answer; an address that is gone is no error."""
        if address in self._replies:
            self._replies[address](body)

    def close(self) -> None:
        """Let nothing fire any more."""
        for timer in self._delayed:
            timer.cancel()
        self._delayed.clear()

    def _deliver(self, queue: _Queue) -> None:
        """Hand on in turn, so that the consumers that are free share what comes."""
        busy = 0
        while queue.ready and busy < len(queue.consumers):
            consumer = queue.consumers[0]
            queue.consumers.rotate(-1)
            if len(consumer.held) >= consumer.prefetch:
                busy += 1
                continue
            busy = 0
            tag = next(self._tags)
            received = replace(queue.ready.popleft(), handle=(consumer, tag))
            consumer.held[tag] = received
            consumer.on_delivery(received)
