"""A key names one command: its first body counts."""

import asyncio
from typing import Any

import pytest

from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.ids import CommandId
from callplane.store.idempotency_keys import IdempotencyKeys
from callplane.store.mongo.database import open_database
from testkit.servers.servers import Database


async def test_the_same_body_is_a_repeat_and_another_is_refused(database: Database) -> None:
    async with open_database(database.url, database.name) as opened:
        records = IdempotencyKeys(opened)
        since = await records.enter("c", "aa")
        [first] = await database.documents("commands")
        assert await records.enter("c", "aa") == since
        assert not await records.enter("c", "bb")
        assert await database.documents("commands") == [first]
        assert first["at"] is not None
        assert since is not None


async def test_of_two_bodies_at_the_same_time_one_wins(database: Database) -> None:
    async with open_database(database.url, database.name) as opened:
        records = IdempotencyKeys(opened)
        for n in range(20):
            both = await asyncio.gather(records.enter(f"c{n}", "aa"), records.enter(f"c{n}", "bb"))
            assert sorted(since is None for since in both) == [False, True]


async def test_those_that_come_at_once_are_written_together(database: Database) -> None:
    """And each has its own outcome: new, a repeat, another body under a known key, twice in one command."""
    async with open_database(database.url, database.name) as opened:
        keys = IdempotencyKeys(opened)
        since = await keys.enter(CommandId("old"), "aa")
        given = [("old", "aa"), ("old", "bb"), ("twice", "aa"), ("twice", "bb"), *((f"c{n}", "aa") for n in range(40))]
        entering = [keys.enter(CommandId(one), body) for one, body in given]
        outcomes = await asyncio.gather(*entering)
        stored = {one["_id"]: one for one in await database.documents("commands")}
    assert outcomes[:2] == [since, None]
    assert (outcomes[2] is None, outcomes[3] is None) == (False, True)
    assert None not in outcomes[4:]
    assert len(stored) == 42
    assert {stored[one]["hash"] for one, _ in given} == {"aa"}


class Collection:
    """Writes nothing; notes what goes together, and fails as the test says."""

    def __init__(self) -> None:
        self.together: list[int] = []
        self.alone = 0
        self.failure: Exception | None = None
        self.go = asyncio.Event()

    async def find_one_and_update(self, where: Any, _update: Any, **_options: Any) -> dict[str, Any]:
        """One by itself."""
        self.alone += 1
        await self.go.wait()
        return {"_id": where["_id"], "hash": "aa", "at": 1}

    async def update_each(self, updates: list[Any], *, upsert: bool) -> None:
        """Several."""
        assert upsert
        self.together.append(len(updates))
        if self.failure is not None:
            raise self.failure

    async def find(self, where: Any) -> Any:
        """What was written."""
        for one in dict.fromkeys(where["_id"]["$in"]):
            yield {"_id": one, "hash": "aa", "at": 1}


@pytest.mark.parametrize(
    ("failure", "outcome"), [(None, 1), (Trouble("another was first"), 1), (Unavailable("away"), Unavailable)]
)
async def test_who_leaves_or_fails_keeps_no_other(failure: Exception | None, outcome: Any) -> None:
    collection = Collection()
    collection.failure = failure
    keys = IdempotencyKeys({"commands": collection})  # type: ignore[arg-type]
    first, *others = [asyncio.ensure_future(keys.enter(CommandId(f"c{n}"), "aa")) for n in range(4)]
    await asyncio.sleep(0)
    first.cancel()
    others[0].cancel()
    collection.go.set()
    results = await asyncio.gather(first, *others, return_exceptions=True)
    assert [type(one) for one in results[:2]] == [asyncio.CancelledError] * 2
    assert [one if one == 1 else type(one) for one in results[2:]] == [outcome] * 2
    assert collection.together == [2]
    assert not keys._waiting
