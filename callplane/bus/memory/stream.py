"""Stream in one process: the last events that were published, each under its offset."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

from callplane.bus.event_ports import PREFETCH, ReceivedEvent
from callplane.bus.stream_ports import Start, StreamedEvent

KEPT = 20_000
"""So many events are kept; of more the oldest are lost."""


@dataclass(slots=True)
class MemoryStream:
    """The EventStream port."""

    kept: int = KEPT
    events: deque[tuple[datetime, StreamedEvent]] = field(default_factory=deque)
    """With the time at which each came, the oldest first."""
    next_offset: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)
    """Of the next event: set when it comes, and another is there from then on."""

    def append(self, event: ReceivedEvent) -> None:
        """Put one at the end."""
        self.events.append((datetime.now(UTC), StreamedEvent(self.next_offset, event)))
        self.next_offset += 1
        while len(self.events) > self.kept:
            self.events.popleft()
        came, self.came = self.came, asyncio.Event()
        came.set()

    @asynccontextmanager
    async def reading(self, start: Start) -> AsyncIterator["MemoryReader"]:
        """Read from there."""
        yield MemoryReader(self, self._offset(start))

    def _offset(self, start: Start) -> int:
        oldest = self.next_offset - len(self.events)
        match start:
            case int():
                return max(start, oldest)
            case datetime():
                return next((one.offset for at, one in self.events if at >= start), self.next_offset)
            case "first":
                return oldest
            case "last":
                return max(oldest, self.next_offset - 1)
            case "next":
                return self.next_offset


@dataclass(slots=True)
class MemoryReader:
    """The StreamReader port; it holds nothing, so who is slow finds the oldest gone, as from RabbitMQ."""

    stream: MemoryStream
    offset: int
    """Of the next that is wanted."""

    async def batch(self, within: float) -> Sequence[StreamedEvent]:
        """What comes next."""
        try:
            async with asyncio.timeout(within):
                while self.stream.next_offset <= self.offset:
                    await self.stream.came.wait()
        except TimeoutError:
            return ()
        oldest = self.stream.next_offset - len(self.stream.events)
        self.offset = max(self.offset, oldest)
        found = [one for _, one in islice(self.stream.events, self.offset - oldest, self.offset - oldest + PREFETCH)]
        self.offset = found[-1].offset + 1
        return found
