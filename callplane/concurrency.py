"""Loops that nothing but their cancellation ends, and work that runs beside a block.

A task group ends all its tasks when one of them raises: what runs as long as its program is started as
``forever("what it is", self.run)``, so that what one session, one document or one server says is logged, counted and
tried again after a pause. What it ``await``\\ s must have a deadline all the same: this does not see a loop that hangs.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from callplane.telemetry.failures import frames, words
from callplane.telemetry.logs import logger


def _uncounted(_name: str) -> None:
    """Nobody counts."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds between a failure and the next attempt: doubled at each, and as at first after a time without one."""

    first: float = 0.1
    longest: float = 5.0
    steady: float = 30.0


async def forever(
    name: str,
    work: Callable[[], Awaitable[None]],
    *,
    failed: Callable[[str], None] = _uncounted,
    pauses: Pauses = Pauses(),
) -> None:
    """Run the work again whenever it ends or raises, after a pause; only the cancellation of this task ends it.

    Use: ``group.create_task(forever("pool", pool.run, failed=metrics.loop_failed))``, or ``alongside(forever(...))``.
    The work must hold after any exception of its own: what it keeps in mind it may not leave half changed.
    """
    while True:
        await until_done(name, work, failed=failed, pauses=pauses)
        failed(name)
        logger("loops").error("a loop ended by itself", loop=name)
        await asyncio.sleep(pauses.longest)


async def until_done(
    name: str,
    work: Callable[[], Awaitable[None]],
    *,
    failed: Callable[[str], None] = _uncounted,
    pauses: Pauses = Pauses(),
) -> None:
    """The same for work that has an end: run it again whenever it raises, until it returns."""
    clock, pause = asyncio.get_running_loop().time, pauses.first
    while True:
        began = clock()
        try:
            return await work()
        except asyncio.CancelledError as cancelled:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            why, where = "what it waited for was cancelled", frames(cancelled)
        except Exception as failure:
            why, where = words(failure), frames(failure)
        if clock() - began >= pauses.steady:
            pause = pauses.first
        failed(name)
        logger("loops").error("a loop failed", loop=name, why=why, again_in=round(pause, 2), frames=where)
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))
        pause = min(2 * pause, pauses.longest)


@asynccontextmanager
async def alongside(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run the works while the block runs. A work that crashes cancels the block and is raised in a group.

    The block's own exception comes out as it is, not in a group: callers catch it by its type.
    """
    failure: Exception | None = None
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(work) for work in works]
        try:
            yield
        except Exception as error:
            failure = error
        finally:
            for task in running:
                task.cancel()
    if failure is not None:
        raise failure
