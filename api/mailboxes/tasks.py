"""The tasks of one link: they end with it, and a mistake in one of them ends the link rather than the pod."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import ParamSpec, TypeVar

from callplane.bus.mailboxes import LinkLost
from callplane.telemetry.logs import logger

P = ParamSpec("P")
T = TypeVar("T")

AT_ONCE = 32
"""How many store calls at once: a thousand clients may come within a second, and others need the database too."""


class Tasks:
    """A task group whose tasks can be ended together; after that it starts no more."""

    def __init__(self, group: asyncio.TaskGroup, mistaken: Callable[[str], None]) -> None:
        self._group = group
        self._mistaken = mistaken
        self._running: set[asyncio.Task[None]] = set()
        self._over = False
        self.unreadable = 0
        """How many publications in mailboxes were no messages, and were passed over."""
        self._turns = asyncio.Semaphore(AT_ONCE)

    def start(self, work: Callable[P, Awaitable[None]], *args: P.args, **more: P.kwargs) -> asyncio.Task[None] | None:
        """Do this beside everything else; None when the link has ended, which ends this too."""
        task = self._begun(self._guarded(work, *args, **more))
        if task is not None:
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return task

    def start_unbroken(
        self, work: Callable[P, Awaitable[None]], *args: P.args, **more: P.kwargs
    ) -> asyncio.Task[None] | None:
        """Do this beside everything else, in its turn and, once begun, to its end; it must be short.

        For store calls: PyMongo leaves a socket behind for each operation that is cancelled (measured).
        """
        return self._begun(self._in_turn(work, *args, **more))

    def _begun(self, work: Coroutine[None, None, None]) -> asyncio.Task[None] | None:
        if self._over:
            work.close()
            return None
        return self._group.create_task(work)

    async def _in_turn(self, work: Callable[P, Awaitable[None]], *args: P.args, **more: P.kwargs) -> None:
        async with self._turns:
            await self._guarded(work, *args, **more)

    async def _guarded(self, work: Callable[P, Awaitable[None]], *args: P.args, **more: P.kwargs) -> None:
        if self._over:
            return
        try:
            await work(*args, **more)
        except Exception as mistake:
            logger("mailboxes").exception("a task failed")
            self._mistaken(f"a task failed: {mistake!r}")

    async def to_its_end(self, work: Callable[P, Awaitable[T]], *args: P.args, **more: P.kwargs) -> T:
        """The result of this, which goes on when its caller is cancelled meanwhile. Raises what it raises, LinkLost."""
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        async def settled() -> None:
            try:
                result = await work(*args, **more)
            except BaseException as failure:
                if not outcome.done():
                    outcome.set_exception(LinkLost() if isinstance(failure, asyncio.CancelledError) else failure)
                    outcome.exception()
                if not isinstance(failure, Exception):
                    raise
            else:
                if not outcome.done():
                    outcome.set_result(result)

        task = self.start_unbroken(settled)
        if task is None:
            raise LinkLost
        # A task that has not begun when the link ends never comes to ``settled``: nobody else would say so.
        task.add_done_callback(lambda _: None if outcome.done() else outcome.set_exception(LinkLost()))
        return await outcome

    def cancel(self) -> None:
        """End all that may be ended, and start no more."""
        self._over = True
        for task in list(self._running):
            task.cancel()


@asynccontextmanager
async def link_tasks(mistaken: Callable[[str], None]) -> AsyncIterator[Tasks]:
    """Tasks that do not outlive the block."""
    async with asyncio.TaskGroup() as group:
        tasks = Tasks(group, mistaken)
        try:
            yield tasks
        finally:
            tasks.cancel()
