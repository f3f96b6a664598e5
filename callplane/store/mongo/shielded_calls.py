"""Shielded calls: PyMongo out of the reach of cancellations; each operation runs to its own end, whoever stops waiting.

PyMongo 4.20 on Python 3.11 forgets cancellations, leaves a socket behind for operations that are cancelled, and may
leave the lock of its topology taken for ever, after which no operation of the client returns (all measured). Each
operation ends by itself within ``timeoutMS``.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from callplane.store.mongo.errors import translated_errors
from callplane.store.mongo.read_barrier import ReadBarrier
from callplane.telemetry.stages import stage

T = TypeVar("T")


class ShieldedCalls:
    """Runs operations as tasks of their own; whoever waits for one may be cancelled, the task is not."""

    def __init__(self, barrier: ReadBarrier) -> None:
        self._barrier = barrier
        # Not a task group: one that is cancelled cancels its tasks, which is what must not happen here.
        self._running: set[asyncio.Task[Any]] = set()
        """All that has not ended, whether somebody waits for it or nobody does any more."""
        self._watching: set[asyncio.Task[Any]] = set()
        """Those of them that wait for news of a change stream, and change nothing."""

    async def __call__(self, operation: Coroutine[Any, Any, T], *, watches: bool = False) -> T:
        """The result of the operation, or what it raises; ``watches``: it waits for news, and changes nothing."""
        task = asyncio.get_running_loop().create_task(operation)
        self._running.add(task)
        if watches:
            self._watching.add(task)
        task.add_done_callback(self._ended)
        with stage("store"), translated_errors():
            return await asyncio.shield(task)

    async def read(self, operation: Callable[[], Awaitable[T]]) -> T:
        """The same of one that reads, and may be done again: what it finds is what a primary has."""
        return await self(self._barrier.believed(operation))

    async def wait_idle(self) -> None:
        """Wait until everything has ended, which ``timeoutMS`` bounds."""
        while self._running:
            await asyncio.wait(self._running)

    async def wait_for_writes(self, seconds: float) -> None:
        """Wait until what is on its way now has arrived, also what nobody waits for any more, or the time is over."""
        if under_way := self._running - self._watching:
            await asyncio.wait(under_way, timeout=seconds)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        self._watching.discard(task)
        if not task.cancelled():
            task.exception()  # nobody may be left to read it
