"""Shared work: a fault of one concerns nobody else."""

import asyncio

import pytest
import structlog

from mediaserver.media.engine import open_engine
from mediaserver.settings import MediaSettings
from testkit.servers.machine_time import within


class Faulty:
    """Something whose timer fails."""

    def tick(self, now: float) -> None:
        """Fail."""
        raise RuntimeError("tick")


class Counting:
    """Something that counts its ticks."""

    def __init__(self) -> None:
        self.twice = asyncio.Event()
        self.ticks = 0

    def tick(self, now: float) -> None:
        """Count."""
        self.ticks += 1
        if self.ticks == 2:
            self.twice.set()


async def test_faults_are_contained() -> None:
    async def fail() -> None:
        raise RuntimeError("task")

    with structlog.testing.capture_logs() as logs:
        async with open_engine(MediaSettings()) as engine:
            counting = Counting()
            engine.ticking |= {Faulty(), counting}
            await engine.start(fail())
            await asyncio.wait_for(counting.twice.wait(), 5)
            assert engine.number() != engine.number()
    assert {each["event"] for each in logs} == {"tick failed", "media task failed"}


async def test_the_end_waits_for_nobody_for_long() -> None:
    async def linger() -> None:
        await asyncio.Event().wait()

    async with within(2), open_engine(MediaSettings()) as engine:
        task = engine.start(linger())
    with pytest.raises(asyncio.CancelledError):
        await task
