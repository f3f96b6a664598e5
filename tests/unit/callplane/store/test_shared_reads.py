"""Shared reads: a crowd costs two, nobody is given what was read before they asked, and nobody waits for who left."""

import asyncio

import pytest

from callplane.contracts.errors import Unavailable
from callplane.store.shared_reads import SharedReads


class Source:
    """Counts reads; each ends when the test lets it."""

    def __init__(self) -> None:
        self.begun = 0
        self.value = 0
        self.failing = False
        self.go = asyncio.Event()

    async def read(self, key: str) -> tuple[str, int]:
        """What there is as it begins."""
        self.begun += 1
        found = key, self.value
        await self.go.wait()
        if self.failing:
            self.failing = False
            raise Unavailable("away")
        return found


async def test_a_crowd_costs_two_reads_and_nobody_is_given_an_old_one() -> None:
    source = Source()
    shared = SharedReads(source.read)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(shared("a"))
        await asyncio.sleep(0)
        source.value = 1  # written while the first read is under way: who asks from now on must see it
        others = [group.create_task(shared("a")) for _ in range(50)]
        other_key = group.create_task(shared("b"))
        await asyncio.sleep(0)
        source.go.set()
    assert first.result() == ("a", 0)
    assert {one.result() for one in others} == {("a", 1)}
    assert other_key.result() == ("b", 1)
    assert (source.begun, len(shared)) == (3, 0)


async def test_a_failure_and_a_cancellation_are_nobody_elses() -> None:
    source = Source()
    shared = SharedReads(source.read)
    left = asyncio.ensure_future(shared("a"))
    await asyncio.sleep(0)
    failing, waiting = asyncio.ensure_future(shared("a")), asyncio.ensure_future(shared("a"))
    await asyncio.sleep(0)
    left.cancel()
    source.failing = True
    source.go.set()
    with pytest.raises(Unavailable):
        await failing
    assert await waiting == ("a", 0)
    with pytest.raises(asyncio.CancelledError):
        await left
    assert (source.begun, len(shared)) == (3, 0)
