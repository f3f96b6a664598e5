"""Link tasks: they end with their link, and a mistake in one of them ends the link rather than the pod."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import ParamSpec, TypeVar

from callplane.bus.mailbox_ports import LinkLost
from callplane.telemetry.logs import logger

P = ParamSpec("P")
T = TypeVar("T")

AT_ONCE = 32
"""How many store calls at once: a thousand clients may come within a second, and others need the database too."""

IN_LINE = 256
"""How many newcomers may wait for that or be at it. Who comes after them is told to come again: else it would have
given up, and come again all the same, while the work for its first attempt is still to be done."""


class Tasks:
    """A task group whose tasks can be ended together; after that it starts no more."""

    def __init__(self, group: asyncio.TaskGroup, mistaken: Callable[[str], None]) -> None:
        self._group = group
        self._mistaken = mistaken
        self._running: set[asyncio.Task[None]] = set()
        """Those that the end of the link cancels."""
        self._over = False
        """Whether the link has ended: nothing is begun after that."""
        self.unreadable = 0
        """How many publications in mailboxes were no messages, and were passed over."""
        # Apart, so that who is attached is answered while a thousand others come.
        self._newcomers = asyncio.Semaphore(AT_ONCE)
        self._attached = asyncio.Semaphore(AT_ONCE)
        self._in_line = 0
        """How many newcomers wait for their turn or have it."""

    @property
    def is_crowded(self) -> bool:
        """Whether so many newcomers are in line that no more should join it."""
        return self._in_line >= IN_LINE

    def start(self, work: Callable[P, Awaitable[None]], *args: P.args, **more: P.kwargs) -> asyncio.Task[None] | None:
        """Do this beside everything else; None when the link has ended, which ends this too."""
        task = self._begun(self._guarded(work, *args, **more))
        if task is not None:
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return task

    def start_uncancelled(
        self, work: Callable[P, Awaitable[None]], *args: P.args, **more: P.kwargs
    ) -> asyncio.Task[None] | None:
        """Do this for a newcomer, in its turn and, once begun, to its end; it must be short.

        For store calls: PyMongo leaves a socket behind for each operation that is cancelled (measured).
        """
        task = self._begun(self._in_turn(self._newcomers, work, *args, **more))
        if task is not None:
            self._in_line += 1
            task.add_done_callback(self._out_of_line)
        return task

    def _out_of_line(self, _: asyncio.Task[None]) -> None:
        self._in_line -= 1

    def _begun(self, work: Coroutine[None, None, None]) -> asyncio.Task[None] | None:
        if self._over:
            work.close()
            return None
        return self._group.create_task(work)

    async def _in_turn(
        self, turns: asyncio.Semaphore, work: Callable[P, Awaitable[None]], *args: P.args, **more: P.kwargs
    ) -> None:
        async with turns:
            await self._guarded(work, *args, **more)

    async def _guarded(self, work: Callable[P, Awaitable[None]], *args: P.args, **more: P.kwargs) -> None:
        if self._over:
            return
        try:
            await work(*args, **more)
        except Exception as mistake:
            logger("mailboxes").exception("a task failed")
            self._mistaken(f"a task failed: {mistake!r}")

    async def shielded(self, work: Callable[[], Awaitable[T]]) -> T:
        """The result of this, which goes on when its caller is cancelled meanwhile. Raises what it raises, LinkLost.

        For who is attached: it waits behind no newcomer.
        """
        resolved, outcome = _resolving(work)
        return await _outcome(self._begun(self._in_turn(self._attached, resolved)), outcome)

    async def in_line(self, work: Callable[[], Awaitable[T]]) -> T:
        """The same for a newcomer."""
        resolved, outcome = _resolving(work)
        return await _outcome(self.start_uncancelled(resolved), outcome)

    def cancel(self) -> None:
        """End all that may be ended, and start no more."""
        self._over = True
        for task in list(self._running):
            task.cancel()


def _resolving(work: Callable[[], Awaitable[T]]) -> tuple[Callable[[], Awaitable[None]], "asyncio.Future[T]"]:
    """Work that leaves what becomes of it in a future, and the future."""
    outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    async def resolved() -> None:
        try:
            result = await work()
        except BaseException as failure:
            if not outcome.done():
                outcome.set_exception(LinkLost() if isinstance(failure, asyncio.CancelledError) else failure)
                outcome.exception()
            if not isinstance(failure, Exception):
                raise
        else:
            if not outcome.done():
                outcome.set_result(result)

    return resolved, outcome


async def _outcome(task: asyncio.Task[None] | None, outcome: "asyncio.Future[T]") -> T:
    if task is None:
        raise LinkLost
    # A task that has not begun when the link ends never comes to its work: nobody else would say so.
    task.add_done_callback(lambda _: None if outcome.done() else outcome.set_exception(LinkLost()))
    return await outcome


@asynccontextmanager
async def link_tasks(mistaken: Callable[[str], None]) -> AsyncIterator[Tasks]:
    """Tasks that do not outlive the block."""
    async with asyncio.TaskGroup() as group:
        tasks = Tasks(group, mistaken)
        try:
            yield tasks
        finally:
            tasks.cancel()
