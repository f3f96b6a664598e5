"""Indexes that cannot be built: those keep no other from being built, and no program from running."""

import pytest

from callplane.contracts.errors import Trouble
from callplane.store.indexes import ensure_indexes
from callplane.store.mongo.database import open_database
from testkit.inprocess.wrappers import running_wrappers
from testkit.servers.servers import Database, Servers
from testkit.servers.until import until

UNIQUE = "custom_id_of_tenant"


async def names(database: Database, collection: str) -> set[str]:
    """The indexes that there are."""
    async with database.client() as client:
        return set(await client[database.name][collection].index_information())


async def test_one_that_is_there_otherwise_keeps_no_other_from_being_built(database: Database) -> None:
    """An operator's own index has the name of ours: MongoDB makes none of a batch in which one is in conflict."""
    async with database.client() as client, open_database(database.url, database.name) as opened:
        sessions = client[database.name]["sessions"]
        await sessions.create_index("created_at", name="by_media")
        with pytest.raises(Trouble, match="IndexKeySpecsConflict"):
            await ensure_indexes(opened)
        assert {UNIQUE, "tombstones", "away"} <= await names(database, "sessions")
        assert {"expiry", "by_session"} <= await names(database, "attachments")
        await sessions.drop_index("by_media")
        await ensure_indexes(opened)
        assert "media" in dict((await sessions.index_information())["by_media"]["key"])


async def test_doubles_keep_only_their_own_index_from_being_built(database: Database) -> None:
    async with database.client() as client, open_database(database.url, database.name) as opened:
        twins = [{"_id": name, "status": "open", "custom_id": "daily"} for name in ("a", "b")]
        await client[database.name]["sessions"].insert_many(twins)
        await ensure_indexes(opened)
        made = await names(database, "sessions")
        assert UNIQUE not in made
        assert {"tombstones", "away"} <= made


async def test_a_wrapper_runs_while_an_index_cannot_be_built(servers: Servers) -> None:
    """It is built when what is in its way has gone, while everything runs."""
    async with running_wrappers(servers, wrappers=0) as r, servers.database.client() as client:
        sessions = client[servers.database.name]["sessions"]
        await sessions.drop_index("by_media")
        await sessions.create_index("created_at", name="by_media")
        await r.start()
        await r.session()
        await sessions.drop_index("by_media")

        async def built() -> bool:
            return "media" in dict((await sessions.index_information()).get("by_media", {"key": []})["key"])

        await until(built, 20)
