"""Time is added up by stage, for those who collect, each for itself."""

import asyncio

from callplane.telemetry.stages import stage, stages


async def test_what_is_entered_twice_is_added_up() -> None:
    with stages() as spent:
        for _ in range(2):
            with stage("store"):
                await asyncio.sleep(0.01)
        with stage("broker"):
            pass
    assert spent["store"] >= 0.02
    assert spent["broker"] < 0.01


async def test_nobody_collects_outside_and_others_collect_their_own() -> None:
    async def one(name: str) -> dict[str, float]:
        with stages() as spent, stage(name):
            await asyncio.sleep(0)
        return spent

    with stage("store"):
        found = await asyncio.gather(one("a"), one("b"))
    assert [list(spent) for spent in found] == [["a"], ["b"]]


def test_what_fails_is_counted() -> None:
    with stages() as spent:
        try:
            with stage("store"):
                raise KeyError
        except KeyError:
            pass
    assert list(spent) == ["store"]
