"""A whole Callplane in the test's own process, as `callplane up` runs it: on the bus of memory, without RabbitMQ."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from api.app import serve
from api.dispatch.buses import Buses
from callplane.bus import memory
from testkit.fakes.asgi import settings_for
from testkit.servers.servers import Database
from wrapper.app import assemble
from wrapper.settings import WrapperSettings


@asynccontextmanager
async def whole(database: Database, **settings: Any) -> AsyncIterator[str]:
    """API and wrapper for the block, without a media server; the address. ``settings`` are the API's."""
    of_wrapper = WrapperSettings(amqp_url="", mongo_url=database.url, mongo_database=database.name)
    async with (
        memory.open_bus() as bus,
        assemble(of_wrapper, bus=bus) as program,
        serve(settings_for(database, port=0, **settings), buses=Buses(bus, bus.broker.mailboxes)) as url,
    ):
        await program.started(20)
        yield url
