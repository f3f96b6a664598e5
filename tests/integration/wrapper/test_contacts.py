"""Who counts as reaching a media server: the living, or that server could never be down again (design 7.1)."""

import asyncio
from functools import partial

import pytest

from callplane.contracts.ids import new_id
from testkit.inprocess.wrappers import RunningWrappers, running_wrappers
from testkit.servers.servers import Servers
from testkit.servers.until import until
from wrapper.media import server

QUICK = {"sweep_seconds": 0.2, "lease_seconds": 2.0}
ENDS = 4


async def contacts(r: RunningWrappers) -> set[str]:
    """Who counts, of all servers."""
    return {wrapper for one in await r.store.servers.all() for wrapper in one.contacts}


@pytest.mark.long
async def test_who_ends_in_peace_says_nothing_after_its_farewell(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MEMORY_SECONDS", 0.001)  # so often it says that it reaches a server
    async with running_wrappers(servers, wrappers=0, media_servers=2) as r:
        for _ in range(ENDS):
            program = await r.start(sweep_seconds=0.01)
            await until(partial(_reaches, r, program.id))
            await program.drain()
            # Nobody else is there who would find what it left.
            await asyncio.sleep(0.1)
            assert (await contacts(r), await r.store.wrappers.alive()) == (set(), set())
            await r.stop(0)


async def _reaches(r: RunningWrappers, wrapper: str) -> bool:
    return all(wrapper in one.contacts for one in await r.store.servers.all())


async def test_a_contact_of_the_dead_is_found_by_the_living(servers: Servers) -> None:
    async with running_wrappers(servers, wrappers=1, **QUICK) as r:
        [one] = await r.store.servers.all()
        # As a wrapper leaves it whose last word came after its farewell: there is no lease that could run out.
        await r.store.servers.mark_reached(one.name, new_id(), one.server_id or "")

        async def living_only() -> bool:
            return await contacts(r) == {r.programs[0].id}

        await until(living_only)


@pytest.mark.long
async def test_a_server_dies_though_a_dead_wrapper_counts_as_reaching_it(servers: Servers) -> None:
    async with running_wrappers(servers, media_servers=2, **QUICK) as r:
        session = await r.session()
        ann = await r.seat(session)
        await r.publish(session, ann)
        before = await r.store.sessions.find(session)
        assert before is not None
        assert before.media is not None
        [hit] = [m for m in r.machines.media_servers if before.media.server in m.url]
        await hit.kill()
        await r.store.database["media_servers"].update_one(
            {"_id": before.media.server}, {"$addToSet": {"contacts": new_id()}, "$set": {"state": "up"}}
        )

        async def elsewhere() -> bool:
            found = await r.store.sessions.find(session)
            return found is not None and found.epoch == 2 and found.media is not None

        await until(elsewhere)
        assert (await r.publish(session, ann))["epoch"] == 2
