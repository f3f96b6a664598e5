"""The launcher of replica sets, on the real thing."""

import pytest
from pymongo import WriteConcern

from testkit.servers.clusters import SetDatabase


@pytest.mark.long
@pytest.mark.timeout(60)
async def test_another_member_takes_over_with_what_was_written(set_database: SetDatabase) -> None:
    replica_set = set_database.replica_set
    assert all(f"127.0.0.1:{member.port}" in set_database.address for member in replica_set.members)
    concern = WriteConcern("majority", wtimeout=10_000)
    async with set_database.client() as client:
        things = client[set_database.name].things.with_options(write_concern=concern)
        await things.insert_one({"_id": 1})
        first = await replica_set.primary()
        second = await replica_set.step_down()
        assert second is not first
        await things.insert_one({"_id": 2})
        await second.kill()
        third = await replica_set.primary(other_than=second)
        assert third is not second
        assert await things.count_documents({}) == 2
        await things.insert_one({"_id": 3})
    await replica_set.start()
    await replica_set.whole()
    assert {document["_id"] for document in await set_database.documents("things")} == {1, 2, 3}
