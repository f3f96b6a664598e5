"""Putting the API program together, and serving it from an address."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from starlette.types import ASGIApp

from api.application import application
from api.auth import Credentials
from api.dispatch import Dispatch, Timing
from api.listener import listening
from api.metrics import Metrics
from api.parts import Bus, Parts, Store
from api.permits import Permits
from api.settings import Settings
from callplane.contracts.errors import Away
from callplane.store.attachments import Attachments
from callplane.store.command_records import CommandRecords
from callplane.store.connections import Connections
from callplane.store.database import DatabaseClock, open_database
from callplane.store.listing import Listing
from callplane.store.sessions import Sessions
from callplane.telemetry.logs import logger

CLOCK_EVERY = 10.0


@dataclass(frozen=True, slots=True)
class Program:
    """The assembled API: what serves requests, and what it is made of."""

    asgi: ASGIApp
    parts: Parts


@asynccontextmanager
async def assemble(settings: Settings, *, bus: Bus) -> AsyncIterator[Program]:
    """Open everything that the API needs, in order."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings.mongo_url, settings.mongo_database))
        clock = DatabaseClock(database)
        store = Store(Sessions(database, clock), Connections(database, clock), Listing(database), clock)
        draining, metrics = asyncio.Event(), Metrics()
        timing = Timing(settings.command_wait, settings.drain_wait, draining)
        parts = Parts(
            settings=settings,
            credentials=Credentials(settings),
            permits=Permits(store.sessions, Attachments(database)),
            dispatch=Dispatch(bus.sender, store.sessions, CommandRecords(database), clock, metrics, timing),
            messenger=bus.messenger,
            store=store,
            metrics=metrics,
            draining=draining,
        )
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        await _synced(clock)
        stack.callback(tasks.create_task(_keep_synced(clock)).cancel)
        yield Program(application(parts), parts)


@asynccontextmanager
async def serve(
    settings: Settings, *, bus: Bus, listener: socket.socket | None = None
) -> AsyncIterator[str]:
    """Serve until the context is left, which drains first; yields the base URL. ``listener`` is a bound socket."""
    async with assemble(settings, bus=bus) as program, listening(program.asgi, settings, listener) as url:
        try:
            yield url
        finally:
            program.parts.draining.set()
            await asyncio.sleep(settings.drain_delay)


async def _keep_synced(clock: DatabaseClock) -> None:
    while True:
        await asyncio.sleep(CLOCK_EVERY)
        await _synced(clock)


async def _synced(clock: DatabaseClock) -> None:
    """Ask for the time; without a database the clock of this process has to do."""
    try:
        await clock.sync()
    except Away as away:
        logger("api").warning("clock-not-corrected", trouble=str(away))
