"""Putting a wrapper together, and taking it apart in the order that loses nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from callplane.bus.ports import Bus, Listener, Work
from callplane.contracts.errors import Away
from callplane.contracts.ids import SessionId, new_id
from callplane.store.attachments import Attachments
from callplane.store.connections import Connections
from callplane.store.database import Database, DatabaseClock, open_database
from callplane.store.indexes import ensure_indexes
from callplane.store.liveness import Liveness
from callplane.store.media import SessionMedia
from callplane.store.media_servers import MediaServers
from callplane.store.pods import Pods
from callplane.store.seats import Seats
from callplane.store.sessions import Sessions
from callplane.store.wrappers import Wrappers
from callplane.telemetry.logs import logger
from wrapper.aftermath import CarryingAftermath
from wrapper.chores import Chores
from wrapper.context import Context, Store
from wrapper.handle import abandon, handler
from wrapper.leases import Leases
from wrapper.listening import Listening
from wrapper.media.hearing import Hearing
from wrapper.media.kurento import KurentoMedia, MediaOptions
from wrapper.media.pool import Pool
from wrapper.media.server import Ears
from wrapper.outbox import Outbox
from wrapper.settings import WrapperSettings, named_servers
from wrapper.sweeps import Sweeps

START_SECONDS = 60.0
FINISH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Program:
    """A running wrapper."""

    id: str
    context: Context
    listening: Listening
    listener: Listener
    aftermath: CarryingAftermath
    leases: Leases

    def is_ready(self) -> bool:
        """Whether it consumes every session that it has listed."""
        return self.listening.ready.is_set()

    async def drain(self) -> None:
        """Start nothing new, finish or give back what it holds, and give the lease up: design 7, lost wrapper."""
        self.listening.ready.clear()
        await self.listener.drain()
        await self.aftermath.finish(FINISH_SECONDS)
        await self.leases.release()


@asynccontextmanager
async def assemble(settings: WrapperSettings, *, bus: Bus) -> AsyncIterator[Program]:
    """Open store and media servers, listen to every open session, and work until the block ends, which drains."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings.mongo_url, settings.mongo_database))
        store = _store(database, settings)
        await _there(database, store.clock)
        wrapper = new_id()
        await store.wrappers.renew(wrapper)

        chores = Chores()
        aftermath = CarryingAftermath(Outbox(store.sessions, store.connections, bus.messenger), chores)
        hearing = Hearing(store.liveness, bus.messenger, store.clock, aftermath)
        leases: Leases  # set below: it needs the context, which needs the pool, whose ears it is
        listening: Listening

        async def back(server: str) -> None:
            await listening.back(server)
            await leases.came_back(server)

        async def cut_off(server: str) -> None:
            await leases.cut_off(server)

        async def shun(session: SessionId, server: str) -> None:
            await listening.shun(session, server)

        pool = Pool(wrapper, store.servers, Ears(hearing.take, back, cut_off))
        options = MediaOptions(settings.deployment, settings.max_send_kbps)
        media = KurentoMedia(pool.servers, hearing, options)
        context = Context(wrapper, store, bus.topology, bus.messenger, media, aftermath)
        leases = Leases(context, settings.lease_seconds)
        chores.serve(context)
        await pool.register(named_servers(settings.kms_urls))

        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        for run in (hearing.run, aftermath.run):
            stack.callback(tasks.create_task(run()).cancel)
        work = Work(
            handler(context, shun),
            abandon(context),
            _healthy(store.clock),
            lambda session: listening.cancelled(session),
        )
        listener = await stack.enter_async_context(bus.listener(work))
        listening = Listening(database, store.sessions, listener, hearing.forget_session)
        sweeps = Sweeps(context, leases, aftermath, settings)
        stack.callback(tasks.create_task(pool.run()).cancel)
        stack.callback(tasks.create_task(listening.run()).cancel)
        stack.callback(tasks.create_task(sweeps.run(listening)).cancel)
        program = Program(wrapper, context, listening, listener, aftermath, leases)
        stack.push_async_callback(program.drain)
        yield program


def _store(database: Database, settings: WrapperSettings) -> Store:
    clock = DatabaseClock(database)
    return Store(
        clock=clock,
        sessions=Sessions(database, clock),
        seats=Seats(database, clock),
        media=SessionMedia(database, clock),
        connections=Connections(database, clock),
        liveness=Liveness(database, clock),
        attachments=Attachments(database),
        pods=Pods(database, settings.lease_seconds),
        servers=MediaServers(database),
        wrappers=Wrappers(database, settings.lease_seconds),
    )


async def _there(database: Database, clock: DatabaseClock) -> None:
    """Wait for the database at the start, then have its indexes and its time."""
    log = logger("wrapper")
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                await clock.sync()
                await ensure_indexes(database)
                return
            except Away as away:
                log.warning("waiting for the database", why=str(away))
                await asyncio.sleep(1)


def _healthy(clock: DatabaseClock) -> Callable[[], Awaitable[bool]]:
    async def healthy() -> bool:
        try:
            await clock.sync()
        except Away:
            return False
        return True

    return healthy
