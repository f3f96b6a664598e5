"""Tenants in the store: one custom id for each, also beside wrappers of before; history keeps its own."""

from datetime import timedelta
from typing import Any

from callplane.contracts.commands import CreateSession
from callplane.contracts.ids import SessionId, new_id
from callplane.store.indexes import ensure_indexes
from callplane.store.log.bounds import LogBounds
from callplane.store.log.records import LogKey
from callplane.store.new_session import Origin
from callplane.store.tenancy import Tenancy, Tenant
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database

DAILY = CreateSession(custom_id="daily")
OLD = {"name": "custom_id_of_open", "unique": True}
OF_OPEN = {"status": "open", "custom_id": {"$type": "string"}}


async def make(store: Repositories, tenant: str | None) -> str:
    made = await store.sessions.create(SessionId(new_id()), DAILY, store.soon(), Origin(tenant=tenant))
    return made if isinstance(made, str) else "created"


async def test_a_custom_id_is_unique_in_its_tenant(database: Database) -> None:
    async with repositories(database) as store:
        assert [await make(store, tenant) for tenant in ("a", "b", "a")] == ["created", "created", "taken"]
        for tenant in "ab":
            found = await store.sessions.find_open_by_custom_id("daily", tenant)
            assert found is not None
            assert found.tenant == tenant
        assert await store.sessions.find_open_by_custom_id("daily", "c") is None


async def test_a_session_of_before_there_were_tenants_is_found_by_its_custom_id(database: Database) -> None:
    async with repositories(database) as store:
        assert await make(store, None) == "created"
        found = await store.sessions.find_open_by_custom_id("daily", "a")
        assert found is not None
        assert found.tenant is None


async def test_the_old_index_goes_when_nobodys_uniqueness_rests_on_it(database: Database) -> None:
    """First wrappers of the version before have to go, then the sessions that they made."""
    async with repositories(database) as store, database.client() as client:
        raw = client[database.name]
        await raw["sessions"].create_index("custom_id", partialFilterExpression=OF_OPEN, **OLD)
        lives = store.clock.now() + timedelta(hours=1)
        await raw["wrappers"].insert_one({"_id": "before", "since": lives})
        await store.wrappers.renew("now")

        async def is_there() -> bool:
            await ensure_indexes(store.database)
            return OLD["name"] in await raw["sessions"].index_information()

        assert await is_there()
        assert [await make(store, tenant) for tenant in (None, "a")] == ["created", "taken"]
        await raw["wrappers"].delete_one({"_id": "before"})
        assert await is_there()
        await raw["sessions"].update_one({}, {"$set": {"status": "closed"}})
        assert not await is_there()
        assert [await make(store, tenant) for tenant in "ab"] == ["created", "created"]


async def test_the_history_of_a_deleted_session_is_still_its_tenants(database: Database) -> None:
    async with repositories(database) as store, database.client() as client:
        raw, of = client[database.name], Tenancy(store.database)
        session: dict[str, Any] = {"_id": "s", "status": "closed", "tenant": "a"}
        await raw["sessions"].insert_one(session)
        await raw["history"].insert_one({"_id": "s 1", "s": "s"})
        await LogBounds(store.database, store.clock, history_days=3).delete(LogKey("s", SessionId("s")))
        await raw["sessions"].delete_one({"_id": "s"})
        assert await of.of_session(SessionId("s")) == Tenant(tenant="a")
        assert await of.of_session(SessionId("t")) is None
