"""Composition root: puts a wrapper together, and takes it apart in the order that loses nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from callplane.bus.counted_events import CountedEvents
from callplane.bus.names import TIMELINE
from callplane.bus.ports import Bus, Listener, Work
from callplane.concurrency import forever, pause_unless
from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.ids import new_id
from callplane.messengers import EngineMessenger, open_log_messenger
from callplane.store.attachments import Attachments
from callplane.store.connection_owners import ConnectionOwners
from callplane.store.connections import Connections
from callplane.store.engines import SessionEngines
from callplane.store.hidden_seats import HiddenSeats
from callplane.store.incarnations import Incarnations
from callplane.store.indexes import ensure_indexes
from callplane.store.leases import PodLeases, WrapperLeases
from callplane.store.log.bounds import LogBounds
from callplane.store.log.reader import LogReader
from callplane.store.log_attachments import LogAttachments
from callplane.store.media_servers import MediaServers
from callplane.store.media_states import MediaStates
from callplane.store.mongo.database import Database, DatabaseClock, open_database, open_messages
from callplane.store.mongo.errors import ServerAnswer
from callplane.store.outbox_age import OutboxAge
from callplane.store.pipelines import SessionMedia
from callplane.store.presences import Presences
from callplane.store.quota_uses import QuotaUses
from callplane.store.receiver_reports import ReceiverReports
from callplane.store.seats import Seats
from callplane.store.server_pool import ServerPool
from callplane.store.sessions import Sessions
from callplane.store.shared_state import SharedState
from callplane.store.sweep_leases import SweepLeases
from callplane.store.tenancy import Tenancy
from callplane.store.timeline import Timeline
from callplane.telemetry.commands import CommandWatch
from callplane.telemetry.exporting import exported
from callplane.telemetry.logs import logger
from wrapper.commands.handler import abandon, handler
from wrapper.context import Context, Repositories
from wrapper.effects.chores import Chores
from wrapper.effects.outbox import Outbox
from wrapper.effects.runner import FollowUpRunner
from wrapper.effects.timeline import TimelineWriter
from wrapper.engine_choice import EngineChoice
from wrapper.follow_ups import FollowUps
from wrapper.media.endpoint_events import EndpointEvents
from wrapper.media.kurento import KurentoMedia, MediaOptions
from wrapper.media.pool import Pool
from wrapper.media.server import ServerCallbacks
from wrapper.monitoring.gauges import Gauges, Sources
from wrapper.monitoring.metrics import Metrics
from wrapper.negotiation.finished_offers import finished
from wrapper.reachability import Reachability
from wrapper.session_queues import SessionQueues
from wrapper.settings import WrapperSettings, named_servers
from wrapper.sweeps.adoption import Adoption
from wrapper.sweeps.leases import Leases
from wrapper.sweeps.orphans import OrphanSweep
from wrapper.sweeps.schedule import Sweeps

START_SECONDS = 60.0
FINISH_SECONDS = 1.0
HOUSEKEEPING_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Program:
    """A running wrapper."""

    id: str
    database: Database
    context: Context
    session_queues: SessionQueues
    listener: Listener
    leases: Leases
    adoption: Adoption
    housekeeping: tuple[asyncio.Task[None], ...]
    """Sockets and sweeps: they renew the lease, and say again and again that this wrapper reaches its media servers."""

    def is_ready(self) -> bool:
        """Whether it consumes every session that it has listed."""
        return self.session_queues.ready.is_set()

    async def started(self, patience: float = START_SECONDS) -> None:
        """Back when ready: a start takes as long as it gets on.

        Raises Unavailable when nothing has moved for so long.
        """
        while not self.is_ready():
            before = self._progress()
            await pause_unless(self.session_queues.ready, patience)
            if not self.is_ready() and self._progress() <= before:
                raise Unavailable(f"no session was listened to for {patience:g} s")

    def _progress(self) -> int:
        """Grows while a start gets on."""
        return len(self.listener.listening()) + self.session_queues.declared

    async def drain(self) -> None:
        """Start nothing new, finish or give back what it holds, and give the lease up: design 7.2."""
        self.session_queues.ready.clear()
        await self.listener.drain()
        await self.context.follow_ups.finish(FINISH_SECONDS)
        for task in self.housekeeping:
            task.cancel()
        await asyncio.wait(self.housekeeping, timeout=HOUSEKEEPING_SECONDS)
        await self.database.wait_for_writes(HOUSEKEEPING_SECONDS)
        await self.leases.release()


@asynccontextmanager
async def assemble(settings: WrapperSettings, *, bus: Bus) -> AsyncIterator[Program]:
    """Open store and media servers, listen to every open session, and work until the block ends, which drains."""
    async with AsyncExitStack() as stack:
        traces = await stack.enter_async_context(exported(settings.otlp_endpoint, "wrapper", settings.otlp_share))
        database = await stack.enter_async_context(open_database(settings.mongo_url, settings.mongo_database))
        messages = await stack.enter_async_context(
            open_messages(database, settings.messages_url, settings.mongo_database)
        )
        store = _store(database, settings, messages)
        await _there(database, messages, store.clock)
        wrapper = new_id()
        await store.wrappers.renew(wrapper)

        metrics, follow_ups = Metrics(store.clock.now), FollowUps()
        database.unread.on_unreadable = metrics.unreadable
        log = await stack.enter_async_context(open_log_messenger(messages, store.clock, bus.hints))
        metrics.watch_hints(log.hints_unsent)
        store.logs.on_head = log.learnt
        messenger = EngineMessenger(store.engines, bus.messenger, log)
        events = EndpointEvents(store.media_states, messenger, store.clock, follow_ups)
        pool = Pool(wrapper, store.servers, metrics.kurento_call)
        await pool.register(named_servers(settings.kms_urls))
        media = KurentoMedia(pool.servers, events, MediaOptions(settings.deployment, settings.max_send_kbps))
        choice = EngineChoice(settings.mailboxes, (store.pods, store.wrappers), settings.commands)
        happened = CountedEvents(bus.events, metrics.published) if settings.events else None
        context = Context(wrapper, store, bus.topology, messenger, media, follow_ups, choice, metrics, happened)
        leases = Leases(context, settings.lease_seconds, bus.up)
        adoption = Adoption(context, leases)
        queues = SessionQueues(database, store.sessions, store.engines, events.forget_session, metrics)
        reachability = Reachability(leases, adoption, queues)
        kept = metrics.timeline_kept
        timeline = TimelineWriter(Timeline(database, settings.event_days), bus.events, metrics.unreadable_event, kept)
        outbox = Outbox(store.sessions, store.connections, messenger, bus.topology, happened)
        runner = FollowUpRunner(context, outbox, Chores())

        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        run = partial(_run, tasks, stack, metrics)
        run(hearing=partial(events.run, adoption.missed), aftermath=runner.run, timeline=timeline.run)
        watch = CommandWatch(metrics, traces, store.clock.now)
        handle = handler(context, reachability.exclude, reachability.leave)
        work = Work(handle, abandon(context), _healthy(context), queues.cancelled, watch, finished(context))
        listener = await stack.enter_async_context(bus.listener(work))
        run(gauges=_gauges(context, database, bus, (listener, queues)).run, lag=metrics.watch_loop)
        run(listening=partial(queues.run, listener, partial(_restore, database, messages, pool, settings)))
        callbacks = ServerCallbacks(
            events.take, reachability.back, reachability.alone, reachability.cut_off, reachability.removed
        )
        sweeps = Sweeps(context, leases, runner, settings)
        orphans = OrphanSweep(context, pool, settings.deployment, settings.orphan_seconds)
        housekeeping = run(pool=partial(pool.run, callbacks), sweeps=partial(sweeps.run, adoption, queues, orphans))
        program = Program(wrapper, database, context, queues, listener, leases, adoption, housekeeping)
        stack.push_async_callback(program.drain)
        yield program


def _run(
    tasks: asyncio.TaskGroup, stack: AsyncExitStack, metrics: Metrics, **works: Callable[[], Coroutine[Any, Any, None]]
) -> tuple[asyncio.Task[None], ...]:
    """Start what runs for ever, whatever it meets; it is cancelled when the stack is unwound to here."""
    running = [tasks.create_task(forever(name, work, failed=metrics.loop_failed)) for name, work in works.items()]
    for task in running:
        stack.callback(task.cancel)
    return tuple(running)


def _store(database: Database, settings: WrapperSettings, messages: Database | None = None) -> Repositories:
    """With the logs where ``messages`` is, or with everything else."""
    clock = DatabaseClock(database)
    return Repositories(
        clock=clock,
        sessions=Sessions(database, clock),
        seats=Seats(database, clock),
        hidden_seats=HiddenSeats(database, clock),
        shared_state=SharedState(database, clock),
        media=SessionMedia(database, clock),
        connections=Connections(database, clock),
        owners=ConnectionOwners(database),
        media_states=MediaStates(database, clock),
        attachments=Attachments(database),
        pods=PodLeases(database, settings.lease_seconds),
        receiver_reports=ReceiverReports(database, clock),
        servers=MediaServers(database),
        wrappers=WrapperLeases(database, settings.lease_seconds, shards=settings.commands == "sharded"),
        sweep_leases=SweepLeases(database, settings.lease_seconds),
        engines=SessionEngines(database),
        logs=LogReader(messages or database),
        log_attachments=LogAttachments(database),
        incarnations=Incarnations(database),
        log_bounds=LogBounds(messages or database, clock, settings.history_days, Tenancy(database, messages)),
        presences=Presences(database, clock),
        quota_uses=QuotaUses(database),
    )


def _gauges(context: Context, database: Database, bus: Bus, taken: tuple[Listener, SessionQueues]) -> Gauges:
    listener, queues = taken

    async def depths() -> dict[str, int]:
        found = await bus.topology.depths()
        with suppress(Trouble):  # its node is down
            found[TIMELINE] = await bus.events.depth(TIMELINE)
        return found

    stored = ServerPool(database).last_counted, OutboxAge(database, context.store.clock).oldest
    sessions = (lambda: len(listener.listening()), lambda: queues.open)
    say = partial(context.store.wrappers.say, context.wrapper)
    own, failover = (listener.shards, say), context.metrics.last_failover
    sources = Sources(*stored, depths, context.media.reached, *sessions, *own, failover=failover)
    return Gauges(sources, context.metrics.registry)


async def _there(database: Database, messages: Database, clock: DatabaseClock) -> None:
    """Wait for the database at the start, then have its indexes and its time."""
    log, time = logger("wrapper"), asyncio.get_running_loop().time
    since = time()
    while True:
        try:
            await clock.sync()
            since = time()  # it is there, however long it takes to build an index
            with suppress(ServerAnswer):  # said by then, and tried again while everything runs
                await ensure_indexes(database, messages)
            return
        except (Unavailable, Trouble) as trouble:
            if time() - since > START_SECONDS:
                raise
            log.warning("waiting for the database", why=str(trouble))
            await asyncio.sleep(1)


async def _restore(database: Database, messages: Database, pool: Pool, settings: WrapperSettings) -> None:
    """Have the pool of the settings and the indexes, on which uniqueness rests: the database may have been dropped."""
    await pool.register(named_servers(settings.kms_urls))
    await ensure_indexes(database, messages)


def _healthy(context: Context) -> Callable[[], Awaitable[bool]]:
    """Whether commands could be carried out: each waits for a write by a majority, as the lease's renewal does."""

    async def healthy() -> bool:
        try:
            await context.store.wrappers.renew(context.wrapper)
        except (Unavailable, Trouble):
            return False
        return True

    return healthy
