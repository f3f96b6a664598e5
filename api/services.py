"""Services of the assembled API program, which routes are given one by one in their signatures."""

import asyncio
from dataclasses import dataclass
from typing import Any, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from api.activity import Activity
from api.auth.credentials import Credentials
from api.auth.permissions import Permissions
from api.auth.quotas import QuotasInForce
from api.auth.rate_limits import RateLimits
from api.auth.stored_keys import StoredKeys
from api.auth.tenants import Tenants
from api.auth.tokens import AccessTokens, ParticipantTokens
from api.dispatch.chat import Chat
from api.dispatch.dispatcher import CommandDispatcher
from api.dispatch.event_readers import EventReaders
from api.dispatch.hooks import Hooks
from api.dispatch.signals import Signals
from api.http.trusted_proxies import TrustedProxies
from api.ice_servers import IceServers
from api.metrics import Metrics
from api.overload import Overload
from api.readers.ports import Readers
from api.refused_requests import RefusedRequests
from callplane.bus.dead_letters import DeadLetters
from callplane.store.api_keys import ApiKeys
from callplane.store.bans import Bans
from callplane.store.client_reports import ClientReports
from callplane.store.connections import Connections
from callplane.store.mailbox_lag import MailboxLag
from callplane.store.overview import Overview
from callplane.store.presences import Presences
from callplane.store.processes import Processes
from callplane.store.quota_uses import QuotaUses
from callplane.store.quotas import StoredQuotas
from callplane.store.server_pool import ServerPool
from callplane.store.session_graph import SessionGraph
from callplane.store.session_pages import SessionPages
from callplane.store.tickets import Tickets
from callplane.store.timeline import Timeline
from callplane.store.unreadable import UnreadableDocuments


@dataclass(frozen=True, slots=True)
class Services:
    """What requests are served with. ``draining`` is set at SIGTERM, before the listener closes."""

    credentials: Credentials
    api_keys: ApiKeys
    stored_keys: StoredKeys
    participant_tokens: ParticipantTokens
    access_tokens: AccessTokens
    rate_limits: RateLimits
    quotas: QuotasInForce
    stored_quotas: StoredQuotas
    quota_uses: QuotaUses
    overload: Overload
    proxies: TrustedProxies
    permissions: Permissions
    tenants: Tenants
    activity: Activity
    dispatcher: CommandDispatcher
    signals: Signals
    chat: Chat
    refused_requests: RefusedRequests
    dead_letters: DeadLetters
    readers: Readers
    tickets: Tickets
    connections: Connections
    client_reports: ClientReports
    session_graph: SessionGraph
    mailbox_lag: MailboxLag
    session_pages: SessionPages
    overview: Overview
    presences: Presences
    timeline: Timeline
    event_readers: EventReaders
    bans: Bans
    hooks: Hooks
    server_pool: ServerPool
    processes: Processes
    unreadable_documents: UnreadableDocuments
    ice_servers: IceServers
    metrics: Metrics
    draining: asyncio.Event


def services_of(connection: HTTPConnection) -> Services:
    """The services of the program that serves this request."""
    return cast(Services, connection.app.state.services)


class Provided:
    """Dependency of a route: one of the services."""

    def __init__(self, name: str) -> None:
        self.name = name

    # A coroutine though it waits for nothing: FastAPI runs the others in threads, which cost more than all of this.
    async def __call__(self, connection: HTTPConnection) -> Any:
        """The service, of the program that serves this request."""
        return getattr(services_of(connection), self.name)


def provided(name: str) -> Any:
    """In a route's signature: the service of this name, a field of ``Services`` (a test compares the types)."""
    return Depends(Provided(name))
