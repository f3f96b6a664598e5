"""Batched reads: a crowd costs few, nobody is given what was read before they asked, and nobody waits for who left."""

import asyncio
from collections.abc import Sequence

import pytest

from callplane.contracts.errors import Trouble, Unavailable
from callplane.store.batched_reads import BatchedReads

MOST = 20


class Source:
    """Says what each key's value was when the read began; each read ends when the test lets it."""

    def __init__(self) -> None:
        self.reads: list[list[str]] = []
        self.value = 0
        self.failing = ""
        """The key that no read may have."""
        self.go = asyncio.Semaphore(0)
        """Released once for each read that is to end."""
        self.begun = asyncio.Event()

    async def read(self, keys: Sequence[str]) -> dict[str, int]:
        """What there is as it begins."""
        self.reads.append(list(keys))
        found = dict.fromkeys(keys, self.value)
        self.begun.set()
        await self.go.acquire()
        if self.failing in keys:
            self.failing = ""
            raise Unavailable("away")
        return found


async def test_a_crowd_costs_few_reads_and_nobody_is_given_an_old_one() -> None:
    source = Source()
    read = BatchedReads(source.read, MOST)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(read("first"))
        await asyncio.sleep(0)
        source.value = 1  # written while the first read is under way: who asks from now on must see it
        others = [group.create_task(read(str(number))) for number in range(2 * MOST)]
        again = group.create_task(read("first"))
        await asyncio.sleep(0)
        for _ in range(4):
            source.go.release()
    assert (first.result(), again.result()) == (0, 1)
    assert {one.result() for one in others} == {1}
    assert [len(one) for one in source.reads] == [1, MOST, MOST, 1]


async def test_who_reads_for_others_and_leaves_leaves_them_to_the_next() -> None:
    source = Source()
    read = BatchedReads(source.read, MOST)
    first = asyncio.ensure_future(read("first"))
    await asyncio.sleep(0)
    reading, beside, left = [asyncio.ensure_future(read(key)) for key in ("reading", "beside", "left")]
    await asyncio.sleep(0)
    source.begun.clear()
    source.go.release()
    await first
    await source.begun.wait()
    reading.cancel()
    left.cancel()
    source.go.release()
    assert await asyncio.wait_for(beside, 5) == 0
    assert source.reads == [["first"], ["reading", "beside", "left"], ["beside"]]


async def test_a_failure_is_told_to_all_that_were_read_and_the_next_read_anew() -> None:
    source = Source()
    source.failing = "1"
    read = BatchedReads(source.read, MOST)
    blocking = asyncio.ensure_future(read("blocking"))
    await asyncio.sleep(0)
    failing = [asyncio.ensure_future(read(str(number))) for number in range(3)]
    await asyncio.sleep(0)
    for _ in range(3):
        source.go.release()
    assert await blocking == 0
    outcomes = await asyncio.gather(*failing, return_exceptions=True)
    assert [type(one) for one in outcomes] == [Unavailable] * 3
    assert len({id(one) for one in outcomes}) == 3, "each its own"
    assert await read("1") == 0


class Numbered(Trouble):
    """One that is not made of its text."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the database said {code}")
        self.code = code + 0


async def test_any_trouble_ends_a_read_for_all_who_wait() -> None:
    begun = asyncio.Event()
    go = asyncio.Event()

    async def read(keys: Sequence[str]) -> dict[str, int]:
        begun.set()
        await go.wait()
        raise Numbered(28)

    reads = BatchedReads(read, MOST)
    both = [asyncio.ensure_future(reads(key)) for key in ("1", "2")]
    await begun.wait()
    go.set()
    outcomes = await asyncio.wait_for(asyncio.gather(*both, return_exceptions=True), 10)
    assert [(str(one), getattr(one, "code", 0)) for one in outcomes] == [("the database said 28", 28)] * 2


async def test_who_gave_up_waiting_costs_nothing_later() -> None:
    source = Source()
    read = BatchedReads(source.read, MOST)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(read("1"), 0.01)
    source.go.release()
    assert await asyncio.wait_for(read("2"), 5) == 0
    assert source.reads == [["1"], ["2"]]
