"""Timeline's writer: takes all events off a durable queue, which every wrapper consumes, and keeps them."""

import asyncio
from collections.abc import Sequence

from pydantic import ValidationError

from callplane.bus.event_ports import EventBus, ReceivedEvent
from callplane.bus.names import TIMELINE
from callplane.contracts.events import CloudEvent
from callplane.store.timeline import Timeline
from callplane.telemetry.logs import logger


class TimelineWriter:
    """What it returns from is on a majority; what comes again is there already."""

    def __init__(self, timeline: Timeline, events: EventBus) -> None:
        self._timeline = timeline
        self._events = events
        self._log = logger("timeline")

    async def run(self) -> None:
        """Keep events until cancelled."""
        async with self._events.consuming(TIMELINE, self.take):
            await asyncio.Event().wait()

    async def take(self, received: Sequence[ReceivedEvent]) -> None:
        """Keep one batch. Raises Unavailable and Trouble: it is given again."""
        events = [event for one in received if (event := self._read(one)) is not None]
        await self._timeline.record(events)

    def _read(self, received: ReceivedEvent) -> CloudEvent | None:
        try:
            return CloudEvent.model_validate_json(received.body)
        except ValidationError as wrong:
            self._log.error("an event cannot be read", id=received.id, why=wrong.error_count())
            return None
