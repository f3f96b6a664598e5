"""Timeline's writer: takes all events off a durable queue, which every wrapper consumes, and keeps them."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from callplane.bus.event_ports import PREFETCH, EventBus, ReceivedEvent
from callplane.bus.names import TIMELINE
from callplane.contracts.events import CloudEvent, read_event
from callplane.store.timeline import Timeline
from callplane.telemetry.logs import logger

GATHERING_SECONDS = 0.1
"""Each batch is a write to a majority, whatever is in it: what comes in so many seconds is one."""


class TimelineWriter:
    """What it returns from is on a majority; what comes again is there already."""

    def __init__(
        self,
        timeline: Timeline,
        events: EventBus,
        unreadable: Callable[[], None] = lambda: None,
        kept: Callable[[datetime], None] = lambda _: None,
    ) -> None:
        self._timeline = timeline
        self._events = events
        self._unreadable = unreadable
        """Is told of each event that was passed over."""
        self._kept = kept
        """Is given the time of each event that is on a majority."""
        self._log = logger("timeline")

    async def run(self) -> None:
        """Keep events until cancelled."""
        async with self._events.consuming(TIMELINE, self._take_calmly):
            await asyncio.Event().wait()

    async def _take_calmly(self, received: Sequence[ReceivedEvent]) -> None:
        """Keep one batch, and let the next one gather, unless so many come that it will be full anyway."""
        await self.take(received)
        if len(received) < PREFETCH // 2:
            await asyncio.sleep(GATHERING_SECONDS)

    async def take(self, received: Sequence[ReceivedEvent]) -> None:
        """Keep one batch. Raises Unavailable and Trouble: it is given again."""
        events = [event for one in received if (event := self._read(one)) is not None]
        await self._timeline.record(events)
        for event in events:
            self._kept(event.time)

    def _read(self, received: ReceivedEvent) -> CloudEvent | None:
        """None: it cannot be kept, and must not hold up what is behind it."""
        try:
            return read_event(received.body)
        except ValueError as wrong:
            self._unreadable()
            self._log.error("an event cannot be read", event_id=received.id[:256], why=type(wrong).__name__)
            return None
