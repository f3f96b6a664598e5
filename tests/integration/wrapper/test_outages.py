"""Database or broker go away under running wrappers: they wait, go on by themselves, and end nobody's seat for it."""

import asyncio
import contextlib
import time
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import AutoReconnect

from cli.machine.mongod import Mongod
from cli.machine.rabbitmq import RabbitMQ
from testkit.inprocess.wrappers import running_wrappers
from testkit.servers.servers import Servers
from testkit.servers.until import until

AWAY_SECONDS = 7.0
"""Longer than any call waits for the database: every loop of a wrapper meets the outage."""

GRACE = 4
STEP_DOWN_SECONDS = 3


async def test_wrappers_outlive_a_database_that_is_away(servers: Servers, mongod_server: Mongod) -> None:
    async with running_wrappers(servers, sweep_seconds=0.2) as r:
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


@pytest.mark.long
@pytest.mark.timeout(90)
async def test_grace_begins_anew_when_the_broker_is_back(servers: Servers, rabbitmq_node: RabbitMQ) -> None:
    async with running_wrappers(servers, sweep_seconds=0.1, lease_seconds=0.5) as r:
        session = await r.session(grace=GRACE)
        await r.seat(session)
        await rabbitmq_node.kill()
        try:
            # Nobody can read a mailbox now, so nobody can be blamed for not reading.
            await asyncio.sleep(GRACE + 1)
        finally:
            await rabbitmq_node.start()
        back = time.monotonic()

        async def gone() -> bool:
            found = await r.store.sessions.find(session)
            assert found is not None
            return not found.participants

        await until(gone, 30)
        assert time.monotonic() - back > GRACE - 1, "the seat went for an outage that was not its own"


async def test_wrappers_outlive_an_election(servers: Servers) -> None:
    async with running_wrappers(servers, sweep_seconds=0.2) as r:
        session = await r.session()
        async with servers.database.client() as client:
            before = await _term(client)
            with contextlib.suppress(AutoReconnect):  # whoever steps down hangs up on everybody
                order = {"replSetStepDown": STEP_DOWN_SECONDS, "force": True, "secondaryCatchUpPeriodSecs": 0}
                await client.admin.command(order)

        async def writes() -> bool:
            try:
                return bool(await r.seat(session))
            except AssertionError:
                return False

        await until(writes, 30)
        async with servers.database.client() as client:
            assert await _term(client) > before, "there was no election"
        late = await r.session()

        async def heard() -> bool:
            return all(late in program.listener.listening() for program in r.programs)

        await until(heard, 30)


async def _term(client: AsyncMongoClient[Any]) -> int:
    """How often there was an election."""
    return int((await client.admin.command("replSetGetStatus"))["term"])
