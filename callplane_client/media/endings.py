"""Endings: work that is done to its end, though whoever waits for it is cancelled; waits that end in time."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Do the work, which has deadlines of its own; a cancellation is raised behind it."""
    task, cancelled = asyncio.ensure_future(work), None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as again:
            cancelled = again
    if cancelled is not None:
        task.exception()
        raise cancelled
    task.result()


@asynccontextmanager
async def at_most(seconds: float | None) -> AsyncIterator[None]:
    """A block that may take so many seconds, and is left behind them; None: for ever."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            yield
