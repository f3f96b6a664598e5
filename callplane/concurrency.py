"""Concurrency: loops that do not end, work beside a block, bounded fan-out, pauses, and lone exceptions out of groups.

A task group ends all its tasks when one of them raises: what runs as long as its program is started as
``forever("what it is", self.run)``, so that what one session, one document or one server says is logged, counted and
tried again after a pause. What it ``await``\\ s must have a deadline all the same: this does not see a loop that hangs.
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from callplane.contracts.errors import Unavailable
from callplane.telemetry.failures import frames, words
from callplane.telemetry.logs import logger

T = TypeVar("T")

AT_ONCE = 16
"""How many items ``for_each`` works on at once: each waits for a database, a broker or a media server."""


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


@contextmanager
def single_exception() -> Generator[None]:
    """Raise a lone exception as it was raised: a task group wraps even what its own block raises."""
    try:
        yield
    except BaseExceptionGroup as group:
        lone: BaseException = group
        while isinstance(lone, BaseExceptionGroup) and len(lone.exceptions) == 1:
            lone = lone.exceptions[0]
        if lone is group:
            raise
        raise lone from lone.__cause__


async def for_each(work: Callable[[T], Awaitable[object]], items: Iterable[T], *, limit: int = AT_ONCE) -> None:
    """Work on all items, so many at once, begun in their order; back when whatever was begun has ended.

    What one of them raises keeps no other from its turn; only Unavailable leaves what has not begun for another time,
    for all of it would wait for the same. Raises what was raised first, not in a group.
    """
    waiting = deque(items)
    failures: list[BaseException] = []

    async def one(item: T, task: asyncio.Task[Any] | None) -> None:
        try:
            await work(item)
        except Exception as failure:
            failures.append(failure)
            if isinstance(failure, Unavailable):
                waiting.clear()
        except asyncio.CancelledError as cancelled:  # of what the work waited for, if nobody cancels us
            if task is None or task.cancelling():
                raise
            failures.append(cancelled)

    async def worker(first: T) -> None:
        task = asyncio.current_task()
        await one(first, task)
        while waiting and (task is None or not task.cancelling()):
            await one(waiting.popleft(), task)

    await _work_off(worker, waiting, limit)
    if failures:
        raise failures[0]


async def _work_off(worker: Callable[[T], Coroutine[Any, Any, None]], waiting: deque[T], limit: int) -> None:
    """So many workers, each with its first item; for a single one a group and a task cost more than many a work."""
    if len(waiting) != 1:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(limit, len(waiting))):
                tasks.create_task(worker(waiting.popleft()))
        return
    task = asyncio.current_task()
    cancelled_before = task.cancelling() if task else 0
    await worker(waiting.popleft())
    if task and task.cancelling() > cancelled_before:  # which the work has met and forgotten: a group raises it as well
        raise asyncio.CancelledError


async def pause_unless(event: asyncio.Event, seconds: float | None) -> bool:
    """Wait so many seconds, or until the event is set: whether it is."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
