"""The database goes away under running wrappers: they wait, and go on by themselves when it is back (design 10)."""

import asyncio

from cli.machine.mongod import Mongod
from tests.support.servers import Servers
from tests.support.waiting import until
from tests.support.wrappers import room

AWAY_SECONDS = 7.0
"""Longer than any call waits for the database: every loop of a wrapper meets the outage."""


async def test_wrappers_outlive_a_database_that_is_away(servers: Servers, mongod_server: Mongod) -> None:
    async with room(servers, sweep_seconds=0.2) as r:
        session = await r.session()
        mongod_server.pause()
        try:
            await asyncio.sleep(AWAY_SECONDS)
        finally:
            mongod_server.resume()

        async def writes() -> bool:
            return (await r.store.sessions.find(session)) is not None

        await until(writes)
        late = await r.session()

        async def heard() -> bool:
            return all(late in program.listener.listening() for program in r.programs)

        await until(heard)
        for each in (session, late):
            assert await r.seat(each)
