"""Events in one process: queues that are bound to what is published from then on."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from callplane.bus.event_ports import PREFETCH, ReceivedEvent, Take
from callplane.bus.memory.stream import MemoryStream
from callplane.bus.topic_patterns import matches
from callplane.concurrency import alongside, forever
from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.events import CloudEvent

KEPT = 100_000
"""So many events wait in a queue that nobody consumes; of more the oldest are lost."""
PAUSE = 0.2


@dataclass(slots=True)
class _Queue:
    keys: set[str] = field(default_factory=set)
    waiting: deque[ReceivedEvent] = field(default_factory=lambda: deque(maxlen=KEPT))
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    filled: asyncio.Event = field(default_factory=asyncio.Event)


class MemoryEvents:
    """The EventBus port."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}
        """Name → what waits there; a queue stays when nobody consumes it."""
        self.stream = MemoryStream()
        """The last that were published, for whoever reads them again."""

    async def publish(self, events: Sequence[CloudEvent]) -> None:
        """Put them into every queue that is bound."""
        for event in events:
            received = ReceivedEvent(event.id, event.routing_key, event.body())
            self.stream.append(received)
            for queue in self._queues.values():
                if any(matches(key, event.routing_key) for key in queue.keys):
                    queue.waiting.append(received)
                    queue.filled.set()

    async def depth(self, queue: str) -> int:
        """How many wait; none in a queue that is not there."""
        return len(self._queues[queue].waiting) if queue in self._queues else 0

    @asynccontextmanager
    async def consuming(
        self, queue: str, take: Take, *, keys: Sequence[str] = ("#",), single: bool = False
    ) -> AsyncIterator[None]:
        """Consume for as long as the block runs; one batch at a time, whoever consumes, and so in order."""
        bound = self._queues.setdefault(queue, _Queue())
        bound.keys.update(keys)
        async with alongside(forever(f"events {queue}", partial(_consume, bound, take))):
            yield


async def _consume(queue: _Queue, take: Take) -> None:
    while True:
        await queue.filled.wait()
        async with queue.turn:
            batch = [queue.waiting.popleft() for _ in range(min(PREFETCH, len(queue.waiting)))]
            if not queue.waiting:
                queue.filled.clear()
            if not batch:
                continue
            try:
                await take(batch)
            except BaseException as error:
                queue.waiting.extendleft(reversed(batch))
                queue.filled.set()
                if not isinstance(error, Unavailable | Trouble):
                    raise
                await asyncio.sleep(PAUSE)
