"""Call slots: bounds the calls under way on one media server, so that one that hangs takes no wrapper with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from wrapper.media.port import SlotsTaken

SLOTS = 16
"""A quarter of the commands that a wrapper works on at once, and fewer than its workers of follow-ups."""
PATIENCE_SECONDS = 0.5


class CallSlots:
    """The slots of one media server; calls wait for one in their order, and not long."""

    def __init__(self, server: str, slots: int = SLOTS, patience: float = PATIENCE_SECONDS) -> None:
        self._server = server
        self._patience = patience
        self._free = asyncio.Semaphore(slots)
        self._moved_at = 0.0
        """The loop's time at which a slot was last taken or given back."""

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Have one for the block. Raises SlotsTaken, at once where nothing has moved for as long as it would wait."""
        clock = asyncio.get_running_loop().time
        if self._free.locked():
            await self._wait(clock() - self._moved_at)
        else:
            await self._free.acquire()  # at once
        self._moved_at = clock()
        try:
            yield
        finally:
            self._moved_at = clock()
            self._free.release()

    async def _wait(self, unmoved: float) -> None:
        if unmoved > self._patience:
            raise SlotsTaken(self._server)
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError:
            raise SlotsTaken(self._server) from None
