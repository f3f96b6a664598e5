"""Composition root: puts the webhook program together, and takes it apart so that others go on at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from callplane.bus.event_ports import EventBus
from callplane.concurrency import alongside, forever
from callplane.contracts.errors import Trouble, Unavailable
from callplane.store.indexes import ensure_indexes
from callplane.store.mongo.database import Database, DatabaseClock, open_database
from callplane.store.mongo.errors import ServerAnswer
from callplane.store.webhook_deliveries import WebhookDeliveries
from callplane.store.webhook_lanes import LEASE_SECONDS, WebhookLanes
from callplane.store.webhooks import Webhooks
from callplane.telemetry.exporting import exported
from callplane.telemetry.logs import logger
from hooks.bulkheads import Bulkheads
from hooks.dispatcher import Dispatcher
from hooks.intake import QUEUE, Intake
from hooks.lane_runs import LaneRuns
from hooks.metrics import Metrics
from hooks.sender import open_sender
from hooks.settings import HooksSettings
from hooks.stores import Stores

START_SECONDS = 60.0
FINISH_SECONDS = 1.0
CLOCK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Program:
    """A running webhook program."""

    stores: Stores
    dispatcher: Dispatcher
    runs: LaneRuns
    metrics: Metrics

    def is_ready(self) -> bool:
        """From the start to the end: it serves nobody, and its place is not taken by another."""
        return True

    async def drain(self) -> None:
        """Begin nothing new, wait a moment for what is under way, and give every lane back."""
        self.runs.stop()
        await self.dispatcher.drain(FINISH_SECONDS)
        with suppress(Unavailable, Trouble):
            await self.runs.release()


@asynccontextmanager
async def assemble(settings: HooksSettings, *, events: EventBus) -> AsyncIterator[Program]:
    """Open the store and the client, take events and send them until the block ends, which drains."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(exported(settings.otlp_endpoint, "hooks", settings.otlp_share))
        database = await stack.enter_async_context(open_database(settings.mongo_url, settings.mongo_database))
        metrics = Metrics()
        database.unread.on_unreadable = metrics.unreadable
        stores = _stores(database, settings)
        await _there(database, stores.clock)
        sender = await stack.enter_async_context(open_sender(settings.webhook_hosts, settings.webhook_seconds))
        bulkheads = Bulkheads(settings.webhook_per_endpoint)
        runs = LaneRuns(stores, sender, settings.schedule, bulkheads, metrics)
        dispatcher = Dispatcher(stores.lanes, runs.run, bulkheads, metrics, settings.webhook_at_once)
        intake = Intake(stores, metrics, dispatcher.wake)
        run = partial(forever, failed=metrics.loop_failed)
        clock = run("clock", partial(_watch, stores, events, metrics))
        await stack.enter_async_context(alongside(run("lag", metrics.watch_loop), clock, run("lanes", dispatcher.run)))
        await stack.enter_async_context(intake.consuming(events))
        program = Program(stores, dispatcher, runs, metrics)
        stack.push_async_callback(program.drain)
        yield program


def _stores(database: Database, settings: HooksSettings) -> Stores:
    lease = max(LEASE_SECONDS, 2 * settings.webhook_seconds + 10)
    return Stores(
        Webhooks(database),
        WebhookDeliveries(database, settings.webhook_days),
        WebhookLanes(database, lease),
        DatabaseClock(database),
    )


async def _there(database: Database, clock: DatabaseClock) -> None:
    """Wait for the database at the start, then have its indexes and its time."""
    time = asyncio.get_running_loop().time
    since = time()
    while True:
        try:
            await clock.sync()
            with suppress(ServerAnswer):  # said by then, and the wrappers try again
                await ensure_indexes(database)
            return
        except (Unavailable, Trouble) as trouble:
            if time() - since > START_SECONDS:
                raise
            logger("hooks").warning("waiting for the database", why=str(trouble))
            await asyncio.sleep(1)


async def _watch(stores: Stores, events: EventBus, metrics: Metrics) -> None:
    """Keep the database's time, and show how long the oldest lane has waited, and how many events wait before it."""
    while True:
        with suppress(Unavailable, Trouble):
            await stores.clock.sync()
            metrics.oldest(await stores.lanes.oldest(), stores.clock.now())
        try:
            metrics.waiting(QUEUE, await events.depth(QUEUE))
        except (Unavailable, Trouble):
            metrics.waiting(QUEUE, None)
        await asyncio.sleep(CLOCK_SECONDS)
