"""Machine time: the seconds in which this process could run, for promises that are kept on machines that others use."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from callplane.concurrency import alongside

TICK = 0.02


class MachineTime:
    """Counts while it runs; what a machine stands still for, or gives to others, is nobody's lateness."""

    def __init__(self) -> None:
        self.seconds = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        before, spent = loop.time(), time.process_time()
        while True:
            await asyncio.sleep(TICK)
            now, used = loop.time(), time.process_time()
            # Who wakes late was kept waiting, but for what this process has done meanwhile.
            self.seconds += min(now - before, max(2 * TICK, used - spent))
            before, spent = now, used


@asynccontextmanager
async def machine_time() -> AsyncIterator[Callable[[], float]]:
    """How many seconds of it have gone by since the block began."""
    counted = MachineTime()
    async with alongside(counted.run()):
        yield lambda: counted.seconds


@asynccontextmanager
async def standstills() -> AsyncIterator[Callable[[], float]]:
    """How many seconds this process was kept waiting for since the block began."""
    began = asyncio.get_running_loop().time()
    async with machine_time() as ran:
        yield lambda: asyncio.get_running_loop().time() - began - ran()


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """TimeoutError when the block takes more of it."""

    async def watch() -> None:
        while counted() < seconds:  # noqa: ASYNC110
            await asyncio.sleep(TICK)
        limit.reschedule(asyncio.get_running_loop().time())

    async with asyncio.timeout(None) as limit, machine_time() as counted, alongside(watch()):
        yield
