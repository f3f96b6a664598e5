"""Counted events: tells of what was published, by its type; the port is another bus's."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from callplane.bus.event_ports import EventBus, Take
from callplane.contracts.events import CloudEvent


class CountedEvents:
    """The EventBus port."""

    def __init__(self, events: EventBus, published: Callable[[str], None]) -> None:
        self._events = events
        self._published = published
        """Is called with the type of each event that was confirmed."""

    async def publish(self, events: Sequence[CloudEvent]) -> None:
        """As the other does, and counted once all are confirmed."""
        await self._events.publish(events)
        for event in events:
            self._published(event.type)

    async def depth(self, queue: str) -> int:
        """As the other says."""
        return await self._events.depth(queue)

    def consuming(
        self, queue: str, take: Take, *, keys: Sequence[str] = ("#",), single: bool = False
    ) -> AbstractAsyncContextManager[None]:
        """As the other does."""
        return self._events.consuming(queue, take, keys=keys, single=single)
