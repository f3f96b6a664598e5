"""Services of the assembled API program, which routes reach through the request."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from api.auth.credentials import Credentials
from api.auth.permissions import Permissions
from api.auth.rate_limits import RateLimits
from api.dispatch.dispatcher import CommandDispatcher
from api.http.trusted_proxies import TrustedProxies
from api.mailboxes.poll_router import PollRouter
from api.metrics import Metrics
from api.settings import Settings
from callplane.bus.dead_letters import DeadLetters
from callplane.bus.ports import Messenger
from callplane.store.connections import Connections
from callplane.store.mongo.database import DatabaseClock
from callplane.store.server_pool import ServerPool
from callplane.store.session_pages import SessionPages
from callplane.store.sessions import Sessions
from callplane.store.tickets import Tickets
from callplane.store.unreadable import UnreadableDocuments
from callplane.telemetry.traces import Traces


@dataclass(frozen=True, slots=True)
class Repositories:
    """What the API reads; of it, only operators' orders are written here."""

    sessions: Sessions
    connections: Connections
    listing: SessionPages
    pool: ServerPool
    unreadable: UnreadableDocuments
    clock: DatabaseClock


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a route may use. ``draining`` is set at SIGTERM, before the listener closes."""

    settings: Settings
    credentials: Credentials
    rate_limits: RateLimits
    proxies: TrustedProxies
    permissions: Permissions
    dispatcher: CommandDispatcher
    messenger: Messenger
    dead_letters: DeadLetters
    repositories: Repositories
    poll_router: PollRouter
    tickets: Tickets
    metrics: Metrics
    traces: Traces
    draining: asyncio.Event


def services_of(request: Request) -> Services:
    """The services of the program that serves this request."""
    return cast(Services, request.app.state.services)


async def _services(request: Request) -> Services:
    # Not the function above itself: what is no coroutine FastAPI runs in a thread, which costs more than all of this.
    return services_of(request)


ServicesOf = Annotated[Services, Depends(_services)]
