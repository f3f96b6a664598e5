"""What the API program is made of, once assembled; routes reach it through the request."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from api.auth.credentials import Credentials
from api.auth.permissions import Permits
from api.auth.rate_limits import Allowances
from api.dispatch.dispatcher import Dispatch
from api.http.trusted_proxies import Proxies
from api.mailboxes.poll_router import Doors
from api.metrics import Metrics
from api.settings import Settings
from callplane.bus.dead_letters import DeadLetters
from callplane.bus.ports import Messenger
from callplane.store.connections import Connections
from callplane.store.mongo.database import DatabaseClock
from callplane.store.server_pool import PoolOrders
from callplane.store.session_pages import Listing
from callplane.store.sessions import Sessions
from callplane.store.tickets import Tickets
from callplane.store.unreadable import UnreadableDocuments
from callplane.telemetry.traces import Traces


@dataclass(frozen=True, slots=True)
class Store:
    """What the API reads; of it, only operators' orders are written here."""

    sessions: Sessions
    connections: Connections
    listing: Listing
    pool: PoolOrders
    unreadable: UnreadableDocuments
    clock: DatabaseClock


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that a route may use. ``draining`` is set at SIGTERM, before the listener closes."""

    settings: Settings
    credentials: Credentials
    allowances: Allowances
    proxies: Proxies
    permits: Permits
    dispatch: Dispatch
    messenger: Messenger
    dead_letters: DeadLetters
    store: Store
    doors: Doors
    tickets: Tickets
    metrics: Metrics
    traces: Traces
    draining: asyncio.Event


def parts_of(request: Request) -> Parts:
    """The parts of the program that serves this request."""
    return cast(Parts, request.app.state.parts)


async def _parts(request: Request) -> Parts:
    # Not the function above itself: what is no coroutine FastAPI runs in a thread, which costs more than all of this.
    return parts_of(request)


PartsOf = Annotated[Parts, Depends(_parts)]
