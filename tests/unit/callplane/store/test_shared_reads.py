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
        self.go = asyncio.Event()

    async def read(self, key: str) -> tuple[str, int]:
        """What there is as it begins."""
        self.begun += 1
        found = key, self.value
        await self.go.wait()
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


async def test_a_cancellation_is_nobody_elses() -> None:
    source = Source()
    shared = SharedReads(source.read)
    left = asyncio.ensure_future(shared("a"))
    await asyncio.sleep(0)
    waiting = asyncio.ensure_future(shared("a"))
    await asyncio.sleep(0)
    left.cancel()
    source.go.set()
    assert await waiting == ("a", 0)
    with pytest.raises(asyncio.CancelledError):
        await left
    assert (source.begun, len(shared)) == (2, 0)


async def test_a_failure_is_of_all_who_waited_for_that_read_and_of_nobody_else() -> None:
    """While the database is away a crowd waits for one read more, not for one each."""
    outcomes: list[str | Exception] = ["before", Unavailable("away"), "back"]
    turns, begun = asyncio.Semaphore(0), 0

    async def read(_key: str) -> str:
        nonlocal begun
        begun += 1
        outcome = outcomes[begun - 1]
        await turns.acquire()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    shared = SharedReads(read)
    first = asyncio.ensure_future(shared("a"))
    await asyncio.sleep(0)
    crowd = [asyncio.ensure_future(shared("a")) for _ in range(50)]
    await asyncio.sleep(0)
    turns.release()
    assert await first == "before"
    while begun < 2:  # noqa: ASYNC110
        await asyncio.sleep(0)
    late = asyncio.ensure_future(shared("a"))
    await asyncio.sleep(0)
    turns.release()
    assert {str(one) for one in await asyncio.gather(*crowd, return_exceptions=True)} == {"away"}
    turns.release()
    assert await late == "back", "who asked after that read had begun has another"
    assert (begun, len(shared)) == (3, 0)
