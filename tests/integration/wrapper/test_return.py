"""A media server's socket comes back while the database does not answer: what follows from it is done later, not never.

One network carries both, so one fault of it takes both away, and they do not come back together.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from callplane.contracts.ids import SessionId
from testkit.inprocess.wrappers import RunningWrappers, running_wrappers, until_up
from testkit.servers.proxy import Proxy, proxies
from testkit.servers.servers import Servers
from testkit.servers.until import until
from wrapper.app import Program

pytestmark = pytest.mark.timeout(90)

NAME = "media"
SILENT_SECONDS = 7.0
"""Longer than any call waits for the database, so that what was begun meanwhile has failed."""


@dataclass
class Far:
    """A wrapper whose ways to database and media server can fall silent."""

    room: RunningWrappers
    program: Program
    database: Proxy
    media: Proxy


@asynccontextmanager
async def far(servers: Servers) -> AsyncIterator[Far]:
    """Nobody else is there who could adopt what it cannot reach."""
    async with running_wrappers(servers, wrappers=0) as r, proxies() as opened:
        database = await opened(urlsplit(servers.database.url).port or 0)
        media = await opened(urlsplit(r.media()).port or 0)
        program = await r.start(
            # Without directConnection the driver asks the server for its address and goes past the proxy.
            mongo_url=f"mongodb://127.0.0.1:{database.port}/?directConnection=true&serverMonitoringMode=poll",
            kms_urls=f"{NAME}=ws://127.0.0.1:{media.port}/kurento",
            sweep_seconds=0.3,
        )
        await until_up(r.store, 1)
        try:
            yield Far(r, program, database, media)
        finally:
            database.heal()
            media.heal()
            while r.stacks:  # while its ways are there
                await r.stop(0)


@pytest.mark.long
async def test_what_was_excluded_is_listened_to_and_what_is_owned_is_subscribed_to(servers: Servers) -> None:
    async with far(servers) as f:
        session = await f.room.session()
        ann = await f.room.seat(session)
        connection = (await f.room.publish(session, ann))["id"]
        heard: list[str] = []
        resubscribe = f.program.adoption._resubscribe

        async def noted(id_: str) -> None:
            await resubscribe(id_)
            heard.append(id_)

        f.program.adoption._resubscribe = noted  # type: ignore[method-assign]
        await f.program.session_queues.exclude(SessionId(session), NAME)
        f.database.silence()
        f.media.reset()
        await until(lambda: _reached(f.program))
        await asyncio.sleep(SILENT_SECONDS)
        f.database.heal()

        async def back() -> bool:
            return session in f.program.listener.listening() and connection in heard

        await until(back, 15)


async def _reached(program: Program) -> bool:
    return await program.context.media.is_up(NAME)
