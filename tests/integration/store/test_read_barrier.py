"""Read barrier on three mongods: reads leave out nothing that was acknowledged, whichever member is primary by then."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.read_concern import ReadConcern

from callplane.contracts.errors import Unavailable
from callplane.store.mongo.database import Database, open_database
from cli.machine.mongo_wire import CommandFailed, command
from cli.machine.mongod import Mongod
from cli.machine.replica_set import ReplicaSet, replica_set
from testkit.servers.until import until

pytestmark = pytest.mark.clusters

HELD_SECONDS = 0.5
OTHER = "other"


@asynccontextmanager
async def three(directory: Path) -> AsyncIterator[tuple[ReplicaSet, Database]]:
    """Members that take MongoDB's own fail points, and a database of theirs that has been read and written."""
    async with (
        replica_set(directory, parameters=("enableTestCommands=1",)) as members,
        open_database(members.url, "kept") as database,
    ):
        await database["calls"].insert_one({"_id": "early"})
        assert await database["calls"].find_one({"_id": "early"}) is not None
        yield members, database


async def knows_what_a_majority_has(member: Mongod, knows: bool) -> None:
    """Have it go on learning that from the others, or stay at what it knows."""
    mode = "off" if knows else "alwaysOn"
    await command(member.port, {"configureFailPoint": "disableSnapshotting", "mode": mode})


async def elected(member: Mongod) -> None:
    """Make it primary; it may have to catch up before."""

    async def stepped_up() -> bool:
        try:
            await command(member.port, {"replSetStepUp": 1})
        except CommandFailed:
            return False
        return bool(((await member.hello()) or {}).get("isWritablePrimary"))

    await until(stepped_up, 60)


def reads(database: Database) -> dict[str, Any]:
    """Every way to read, of one document, with what it comes to."""
    calls, where = database["calls"], {"_id": "late"}

    async def found_by_aggregation() -> list[dict[str, Any]]:
        return await calls.aggregate([{"$match": where}])

    return {
        "find_one": (lambda: calls.find_one(where), {"_id": "late"}),
        "find": (lambda: calls.find(where).sort("_id", 1).to_list(), [{"_id": "late"}]),
        "aggregate": (found_by_aggregation, [{"_id": "late"}]),
        "count_documents": (lambda: calls.count_documents(where), 1),
        "distinct": (lambda: calls.distinct("_id", where), ["late"]),
    }


@pytest.mark.timeout(240)
async def test_who_was_elected_a_moment_ago_leaves_out_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    async with three(tmp_path) as (members, database):
        old = await members.primary()
        new = next(one for one in members.members if one is not old)
        await knows_what_a_majority_has(new, False)
        await database["calls"].insert_one({"_id": "late"})
        await elected(new)
        assert await read_directly(new) == [{"_id": "early"}]  # what a majority has, as far as it knows
        ways = reads(database)
        found = {way: asyncio.ensure_future(read()) for way, (read, _) in ways.items()}
        await asyncio.sleep(HELD_SECONDS)
        early = [way for way, one in found.items() if one.done()]
        await knows_what_a_majority_has(new, True)
        await written_to(new)  # from which on it looks again
        assert {way: await one for way, one in found.items()} == {way: wanted for way, (_, wanted) in ways.items()}
        assert early == []


@pytest.mark.timeout(240)
async def test_who_stood_still_while_another_was_elected_is_not_believed(tmp_path: Path) -> None:
    async with three(tmp_path) as (members, database), open_database(members.url, "kept") as another:
        old = await members.primary()
        old.pause()
        try:
            await members.primary(within=60, other_than=old)

            async def written() -> bool:
                try:
                    await another["calls"].update_one({"_id": "late"}, {"$set": {"n": 1}}, upsert=True)
                except Unavailable:  # until its client knows the new one
                    return False
                return True

            await until(written, 60)
            reading = asyncio.ensure_future(read_in_the_end(database))
            await asyncio.sleep(HELD_SECONDS)
        finally:
            old.resume()
        assert await reading == {"_id": "late", "n": 1}


async def read_in_the_end(database: Database) -> Any:
    """What is read first of all that is answered."""
    while True:
        try:
            return await database["calls"].find_one({"_id": "late"})
        except Unavailable:
            await asyncio.sleep(0.01)


async def read_directly(member: Mongod) -> list[dict[str, Any]]:
    """What this member has of the calls, as any client reads it."""
    async with AsyncMongoClient[dict[str, Any]](f"mongodb://127.0.0.1:{member.port}/?directConnection=true") as client:
        calls = client["kept"].get_collection("calls", read_concern=ReadConcern("majority"))
        return await calls.find().to_list()


async def written_to(member: Mongod) -> None:
    """Write something there, for which nobody waits."""
    async with AsyncMongoClient[dict[str, Any]](f"mongodb://127.0.0.1:{member.port}/?directConnection=true") as client:
        await client[OTHER]["more"].with_options(write_concern=None).insert_one({})
