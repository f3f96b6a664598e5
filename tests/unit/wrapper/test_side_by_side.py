"""A dead wrapper may leave hundreds of connections: they are taken over some at a time, not one after the other."""

import asyncio

import pytest

from callplane.contracts.errors import Unavailable
from wrapper.side_by_side import AT_ONCE, side_by_side


async def test_some_at_a_time_and_all_of_them() -> None:
    running, most = 0, 0
    done: list[int] = []

    async def work(n: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        done.append(n)

    await side_by_side(work, range(3 * AT_ONCE))
    assert (most, sorted(done)) == (AT_ONCE, list(range(3 * AT_ONCE)))


async def test_a_database_that_is_away_is_not_asked_for_each_of_them() -> None:
    asked: list[int] = []

    async def work(n: int) -> None:
        asked.append(n)
        await asyncio.sleep(0)
        raise Unavailable("for a while")

    with pytest.raises(Unavailable):
        await side_by_side(work, range(10 * AT_ONCE))
    assert len(asked) == AT_ONCE


async def test_what_one_of_them_fails_of_keeps_no_other_from_its_end() -> None:
    done: list[int] = []

    async def work(n: int) -> None:
        await asyncio.sleep(0.001 * n)
        if n == 0:
            raise Unavailable("just then")
        done.append(n)

    with pytest.raises(Unavailable):
        await side_by_side(work, range(AT_ONCE))
    assert done == list(range(1, AT_ONCE))
