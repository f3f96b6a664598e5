"""Media engine: what all peers share, which is the certificate, the settings, the tasks and one slow clock."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Protocol

import structlog
from aiortc.rtcdtlstransport import RTCCertificate

from mediaserver.settings import MediaSettings

log = structlog.get_logger(__name__)

TICK = 0.1
FAREWELL = 1.0
"""Seconds that closing peers may take when the process ends."""


class Ticking(Protocol):
    """Something with timers, looked at ten times a second rather than by a task of its own."""

    def tick(self, now: float) -> None:
        """Do what is due."""


class Engine:
    """Runs the work of all peers in one task group."""

    def __init__(self, settings: MediaSettings, tasks: asyncio.TaskGroup) -> None:
        self.settings = settings
        self.certificate = RTCCertificate.generateCertificate()
        self.ticking: set[Ticking] = set()
        self._numbers = itertools.count()
        self._tasks = tasks
        self._working: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start some work; a fault in it is logged and concerns nobody else."""
        task = self._tasks.create_task(_contained(work))
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return task

    def now(self) -> float:
        """The clock that all timers of media go by."""
        return time.monotonic()

    def number(self) -> int:
        """Return another number that nothing else in the process has."""
        return next(self._numbers)

    async def finish(self) -> None:
        """Give what is being closed a moment, then end everything."""
        if self._working:
            await asyncio.wait(list(self._working), timeout=FAREWELL)
        for task in list(self._working):
            task.cancel()

    async def run_clock(self) -> None:
        """Let everything with timers look at the time."""
        while True:
            await asyncio.sleep(TICK)
            now = time.monotonic()
            for each in list(self.ticking):
                try:
                    each.tick(now)
                except Exception as bug:
                    log.exception("tick failed", error=repr(bug))


async def _contained(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception as bug:
        log.exception("media task failed", error=repr(bug))


@asynccontextmanager
async def open_engine(settings: MediaSettings) -> AsyncIterator[Engine]:
    """Run an engine until the block ends."""
    async with asyncio.TaskGroup() as tasks:
        engine = Engine(settings, tasks)
        clock = tasks.create_task(engine.run_clock())
        try:
            yield engine
        finally:
            clock.cancel()
            await engine.finish()
