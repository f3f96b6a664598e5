"""A key names one command: its first body counts."""

import asyncio

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
