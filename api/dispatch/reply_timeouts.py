"""Reply timeouts: how long replies to commands are waited for, and how long of that is left once the program drains."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class ReplyTimeouts:
    """``wait`` seconds for each reply; from when ``draining`` is set on, at most ``drain_wait`` more."""

    def __init__(self, wait: float, drain_wait: float, draining: asyncio.Event) -> None:
        self.wait = wait
        self._drain_wait = drain_wait
        self._draining = draining
        self._waiting: set[asyncio.Timeout] = set()
        """Of all that wait now; none has an end of its own before the drain."""

    async def until_drained(self, work: Awaitable[T]) -> T | None:
        """What the work brings; None: nothing in time, and who asked must hear something before the program ends."""
        try:
            async with asyncio.timeout(self._drain_wait if self._draining.is_set() else None) as limit:
                self._waiting.add(limit)
                try:
                    return await work
                finally:
                    self._waiting.discard(limit)
        except TimeoutError:
            return None

    async def run(self) -> None:
        """Shorten what waits when the drain begins: one task for all of it, where each would need its own."""
        await self._draining.wait()
        end = asyncio.get_running_loop().time() + self._drain_wait
        for limit in self._waiting:
            limit.reschedule(end)
