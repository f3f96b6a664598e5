"""For tests of the bus by shards: listeners that consume them as wrappers do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from callplane.bus.ports import Bus, Listener, Work

AnyBus = TypeVar("AnyBus", bound=Bus)


def with_shards(bus: AnyBus) -> AnyBus:
    """The bus with listeners that consume shards as soon as they are opened, as wrappers do."""
    opened = bus.listener

    @asynccontextmanager
    async def listener(work: Work) -> AsyncIterator[Listener]:
        async with opened(work) as listener:
            await listener.listen_shared()
            yield listener

    bus.listener = listener  # type: ignore[method-assign]
    return bus
