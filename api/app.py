"""Putting the API program together, and serving it from an address."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass

from starlette.types import ASGIApp

from api.application import application
from api.auth.credentials import Credentials
from api.auth.permissions import Permissions
from api.auth.rate_limits import RateLimits
from api.dispatch.buses import Buses
from api.dispatch.dispatcher import CommandDispatcher, ReplyTimeouts
from api.dispatch.late_repeats import LateRepeats
from api.groups import single_exception
from api.http.operator_port import for_operators
from api.http.server import bound, serve_asgi
from api.http.trusted_proxies import TrustedProxies
from api.mailboxes.pod import MailboxServices
from api.mailboxes.poll_router import open_mailboxes
from api.metrics import Metrics
from api.services import Repositories, Services
from api.settings import Settings
from callplane.concurrency import alongside, forever
from callplane.contracts.errors import Trouble, Unavailable
from callplane.store.attachments import Attachments
from callplane.store.connections import Connections
from callplane.store.idempotency_keys import IdempotencyKeys
from callplane.store.leases import PodLeases
from callplane.store.mongo.database import DatabaseClock, open_database
from callplane.store.server_pool import ServerPool
from callplane.store.session_pages import SessionPages
from callplane.store.sessions import Sessions
from callplane.store.tickets import Tickets
from callplane.store.unreadable import UnreadableDocuments
from callplane.telemetry.exporting import exported
from callplane.telemetry.logs import logger


@dataclass(frozen=True, slots=True)
class Program:
    """The assembled API: what serves requests, and what it is made of."""

    asgi: ASGIApp
    parts: Services


@asynccontextmanager
async def assemble(settings: Settings, *, carriers: Buses) -> AsyncIterator[Program]:
    """Open everything that the API needs, in order, and close it in reverse."""
    with single_exception():
        async with AsyncExitStack() as stack:
            traces = await stack.enter_async_context(exported(settings.otlp_endpoint, "api", settings.otlp_share))
            sender = await stack.enter_async_context(carriers.bus.sender())
            database = await stack.enter_async_context(open_database(settings.mongo_url, settings.mongo_database))
            # The lease and the clock with it have a client of their own: whatever fills the other's pool, and however
            # long its operations take, the pod that waits for them is alive.
            lease = await stack.enter_async_context(open_database(settings.mongo_url, settings.mongo_database))
            clock, attachments = DatabaseClock(lease), Attachments(database)
            await _synced(clock)
            listing, pool = SessionPages(database), ServerPool(database)
            unreadable = UnreadableDocuments(database, clock)
            store = Repositories(
                Sessions(database, clock), Connections(database, clock), listing, pool, unreadable, clock
            )
            draining, metrics = asyncio.Event(), Metrics()
            database.unread.met = metrics.unreadable
            shared = MailboxServices(
                carriers.mailboxes,
                attachments,
                PodLeases(lease),
                clock,
                published=store.sessions.published,
                watch=metrics.watch_mailboxes,
                failed=metrics.loop_failed,
            )
            doors = await stack.enter_async_context(open_mailboxes(shared, draining))
            await stack.enter_async_context(alongside(forever("lag", metrics.watch_loop, failed=metrics.loop_failed)))
            timing = ReplyTimeouts(settings.command_wait, settings.drain_wait, draining)
            records, remembered = IdempotencyKeys(database), LateRepeats(store.sessions, store.connections, attachments)
            parts = Services(
                settings=settings,
                credentials=Credentials(settings),
                allowances=RateLimits(settings),
                proxies=TrustedProxies(settings.trusted_proxies),
                permits=Permissions(store.sessions, attachments),
                dispatch=CommandDispatcher(sender, store.sessions, records, remembered, clock, metrics, timing),
                messenger=carriers.bus.messenger,
                dead_letters=carriers.bus.dead_letters,
                store=store,
                doors=doors,
                tickets=Tickets(database),
                metrics=metrics,
                traces=traces,
                draining=draining,
            )
            yield Program(application(parts), parts)


@asynccontextmanager
async def serve(settings: Settings, *, carriers: Buses, listener: socket.socket | None = None) -> AsyncIterator[str]:
    """Serve until the block ends, which drains first; yields the base URL.

    ``listener`` is a bound socket; without one an address is taken as the settings say (OSError when it is taken).
    """
    with single_exception(), listener or bound(settings.host, settings.port) as door, ExitStack() as doors:
        theirs, most = _operators_door(settings, doors), settings.max_connections
        async with (
            assemble(settings, carriers=carriers) as program,
            serve_asgi(program.asgi, door, most) as url,
            serve_asgi(for_operators(program.asgi), theirs, most) if theirs else nullcontext() as operators_url,
        ):
            if operators_url:
                logger("api").info("operators are served apart", url=operators_url)
            try:
                yield url
            finally:
                program.parts.draining.set()
                await asyncio.sleep(settings.drain_delay)


def _operators_door(settings: Settings, doors: ExitStack) -> socket.socket | None:
    if settings.operator_port is None:
        return None
    return doors.enter_context(bound(settings.operator_host, settings.operator_port))


async def _synced(clock: DatabaseClock) -> None:
    """Ask for the time once; from then on the pod's lease keeps it. Without a database our own clock has to do."""
    try:
        await clock.sync()
    except (Unavailable, Trouble) as trouble:
        logger("api").warning("clock-not-corrected", trouble=str(trouble))
