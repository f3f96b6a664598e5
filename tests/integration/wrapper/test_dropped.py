"""The database, or a collection of it, is dropped under running programs: what they rest on is made again."""

import asyncio

import pytest

from testkit.inprocess.api_and_wrapper import ApiAndWrapper, api_and_wrapper
from testkit.servers.servers import Servers
from testkit.servers.until import until

UNIQUE = "custom_id_of_tenant"


async def has_index(programs: ApiAndWrapper) -> bool:
    """Whether uniqueness has its index."""
    database = programs.servers.database
    async with database.client() as client:
        return UNIQUE in await client[database.name]["sessions"].index_information()


@pytest.mark.parametrize("what", ["the database", "a collection"])
async def test_indexes_and_pool_are_made_again(servers: Servers, what: str) -> None:
    async with api_and_wrapper(servers) as programs:
        assert await has_index(programs)
        if what == "the database":
            await servers.database.drop()
        else:
            async with servers.database.client() as client:
                await client[servers.database.name]["sessions"].drop()
        await until(lambda: has_index(programs), 20)
        await programs.works()
        made = await asyncio.gather(*(programs.http.post("/sessions", json={"custom_id": "one"}) for _ in range(12)))
        assert {answer.status_code for answer in made} <= {200, 201, 503}, "503: not done within its time"
        assert len([one for one in await servers.database.documents("sessions") if one.get("custom_id") == "one"]) == 1
