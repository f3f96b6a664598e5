"""API program: composition root, FastAPI application, and how both are served from an address."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp

from api.auth.credentials import Credentials
from api.auth.permissions import Permissions
from api.auth.rate_limits import RateLimits
from api.dispatch.buses import Buses
from api.dispatch.dispatcher import CommandDispatcher, ReplyTimeouts
from api.dispatch.late_repeats import LateRepeats
from api.http.cors import Cors
from api.http.middleware import RequestMiddleware
from api.http.operator_port import OperatorPort, for_operators
from api.http.problems import ProblemBody, install
from api.http.server import bind, serve_asgi
from api.http.trusted_proxies import TrustedProxies
from api.mailboxes.pod import MailboxServices
from api.mailboxes.poll_router import open_mailboxes
from api.metrics import Metrics
from api.routes import (
    connections,
    dead_letters,
    media_servers,
    messages,
    participants,
    probes,
    sessions,
    signals,
    streams,
    unreadable,
)
from api.routes.web import mount_web
from api.schemas.responses import EXAMPLES
from api.services import Repositories, Services
from api.settings import Settings
from callplane.concurrency import alongside, forever, single_exception
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

OPERATORS = (media_servers, dead_letters, unreadable)
"""The nouns of operators, which may have an address of their own (``operator_port``)."""

_ABOUT = "Calls on Kurento. Every answer that is not 2xx is an `application/problem+json` body with a `code`."


@dataclass(frozen=True, slots=True)
class Program:
    """The assembled API: what serves requests, and what it is made of."""

    asgi: ASGIApp
    services: Services


@asynccontextmanager
async def assemble(settings: Settings, *, buses: Buses) -> AsyncIterator[Program]:
    """Open everything that the API needs, in order, and close it in reverse."""
    with single_exception():
        async with AsyncExitStack() as stack:
            traces = await stack.enter_async_context(exported(settings.otlp_endpoint, "api", settings.otlp_share))
            sender = await stack.enter_async_context(buses.bus.sender())
            database = await stack.enter_async_context(open_database(settings.mongo_url, settings.mongo_database))
            # The lease and the clock with it have a client of their own: whatever fills the other's pool, and however
            # long its operations take, the pod that waits for them is alive.
            lease = await stack.enter_async_context(open_database(settings.mongo_url, settings.mongo_database))
            clock, attachments = DatabaseClock(lease), Attachments(database)
            await _synced(clock)
            listing, pool = SessionPages(database), ServerPool(database)
            unreadable = UnreadableDocuments(database, clock)
            repositories = Repositories(
                Sessions(database, clock), Connections(database, clock), listing, pool, unreadable, clock
            )
            draining, metrics = asyncio.Event(), Metrics()
            database.unread.met = metrics.unreadable
            mailbox_services = MailboxServices(
                buses.mailboxes,
                attachments,
                PodLeases(lease),
                clock,
                published=repositories.sessions.published,
                watch=metrics.watch_mailboxes,
                failed=metrics.loop_failed,
            )
            poll_router = await stack.enter_async_context(open_mailboxes(mailbox_services, draining))
            await stack.enter_async_context(alongside(forever("lag", metrics.watch_loop, failed=metrics.loop_failed)))
            timeouts = ReplyTimeouts(settings.command_wait, settings.drain_wait, draining)
            keys = IdempotencyKeys(database)
            late_repeats = LateRepeats(repositories.sessions, repositories.connections, attachments)
            services = Services(
                settings=settings,
                credentials=Credentials(settings),
                rate_limits=RateLimits(settings),
                proxies=TrustedProxies(settings.trusted_proxies),
                permissions=Permissions(repositories.sessions, attachments),
                dispatcher=CommandDispatcher(
                    sender, repositories.sessions, keys, late_repeats, clock, metrics, timeouts
                ),
                messenger=buses.bus.messenger,
                dead_letters=buses.bus.dead_letters,
                repositories=repositories,
                poll_router=poll_router,
                tickets=Tickets(database),
                metrics=metrics,
                traces=traces,
                draining=draining,
            )
            yield Program(application(services), services)


@asynccontextmanager
async def serve(settings: Settings, *, buses: Buses, listener: socket.socket | None = None) -> AsyncIterator[str]:
    """Serve until the block ends, which drains first; yields the base URL.

    ``listener`` is a bound socket; without one an address is taken as the settings say (OSError when it is taken).
    """
    with single_exception(), listener or bind(settings.host, settings.port) as sock, ExitStack() as stack:
        theirs, most = _operators_socket(settings, stack), settings.max_connections
        async with (
            assemble(settings, buses=buses) as program,
            serve_asgi(program.asgi, sock, most) as url,
            serve_asgi(for_operators(program.asgi), theirs, most) if theirs else nullcontext() as operators_url,
        ):
            if operators_url:
                logger("api").info("operators are served apart", url=operators_url)
            try:
                yield url
            finally:
                program.services.draining.set()
                await asyncio.sleep(settings.drain_delay)


def _operators_socket(settings: Settings, stack: ExitStack) -> socket.socket | None:
    if settings.operator_port is None:
        return None
    return stack.enter_context(bind(settings.operator_host, settings.operator_port))


async def _synced(clock: DatabaseClock) -> None:
    """Ask for the time once; from then on the pod's lease keeps it. Without a database our own clock has to do."""
    try:
        await clock.sync()
    except (Unavailable, Trouble) as trouble:
        logger("api").warning("clock-not-corrected", trouble=str(trouble))


def application(services: Services) -> ASGIApp:
    """The whole ASGI program on these services."""
    # redirect_slashes would answer 307 without a body of ours; a path with a stray slash is a 404 like any other.
    # The framework's pages about the description load their scripts from elsewhere: only the description is served.
    app = FastAPI(
        title="Callplane",
        version="0.1.0",
        description=_ABOUT,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = services
    install(app)
    for noun in (sessions, participants, connections, signals, messages, streams, *OPERATORS, probes):
        app.include_router(noun.router)
    mount_web(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    origins = services.settings.cors_origins
    inside: ASGIApp = Cors(app, origins) if origins else app
    if services.settings.operator_port is not None:
        inside = OperatorPort(inside, [noun.router.prefix for noun in OPERATORS])
    return RequestMiddleware(inside, services.traces, services.metrics, services.draining)


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        shapes = schema["components"]["schemas"]
        shapes["Problem"] = ProblemBody.model_json_schema()
        for name, example in EXAMPLES.items():
            shapes[name]["examples"] = [example]
        app.openapi_schema = schema
    return app.openapi_schema
