"""API program: composition root, and how it is served from an address."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from typing import cast

from fastapi import APIRouter
from starlette.types import ASGIApp

from api.activity import Activity
from api.auth.credentials import Credentials
from api.auth.permissions import Permissions
from api.auth.quota_rates import QuotaRates
from api.auth.quotas import QuotasInForce
from api.auth.rate_limits import RateLimits
from api.auth.stored_keys import StoredKeys
from api.auth.tenants import Tenants
from api.dispatch.buses import Buses
from api.dispatch.chat import Chat
from api.dispatch.dispatcher import CommandDispatcher
from api.dispatch.event_readers import EventReaders
from api.dispatch.hooks import Hooks
from api.dispatch.late_repeats import LateRepeats
from api.dispatch.reply_timeouts import ReplyTimeouts
from api.dispatch.signals import Signals
from api.http.cors import Cors
from api.http.heads import Heads
from api.http.middleware import RequestMiddleware
from api.http.operator_port import OperatorPort, for_operators
from api.http.server import bind, serve_asgi
from api.http.trusted_proxies import TrustedProxies
from api.http.versions import Versions
from api.ice_servers import IceServers
from api.log.timed_hints import timed
from api.mailboxes.pod import MailboxServices
from api.mailboxes.poll_router import open_mailboxes
from api.metrics import Metrics
from api.overload import Overload
from api.readers.by_engine import LogEnds, open_readers
from api.readers.queues import QueueReaders
from api.refused_requests import RefusedRequests
from api.routes import messages
from api.routes.direct_requests import DirectRequests
from api.routes.direct_streams import DirectStreams
from api.routes.web import CONSOLE
from api.routing import OPERATORS, routed, versioned_nouns
from api.services import Services
from api.settings import Settings
from callplane.bus.counted_events import CountedEvents
from callplane.bus.ports import Sender
from callplane.concurrency import alongside, forever, single_exception, until_done
from callplane.contracts.command_queues import CommandQueues
from callplane.contracts.errors import Trouble, Unavailable
from callplane.messengers import open_log_messenger
from callplane.store.api_keys import ApiKeys
from callplane.store.attachments import Attachments
from callplane.store.bans import Bans
from callplane.store.client_reports import ClientReports
from callplane.store.connections import Connections
from callplane.store.idempotency_keys import IdempotencyKeys
from callplane.store.leases import PodLeases
from callplane.store.log.history import History
from callplane.store.log.kept_entries import KeptEntries
from callplane.store.mailbox_lag import MailboxLag
from callplane.store.mongo.database import Database, DatabaseClock, open_database, open_messages
from callplane.store.overview import Overview
from callplane.store.presences import Presences
from callplane.store.processes import Processes
from callplane.store.quota_uses import QuotaUses
from callplane.store.quotas import StoredQuotas
from callplane.store.server_pool import ServerPool
from callplane.store.session_graph import SessionGraph
from callplane.store.session_pages import SessionPages
from callplane.store.sessions import Sessions
from callplane.store.tenancy import Tenancy
from callplane.store.tickets import Tickets
from callplane.store.timeline import Timeline
from callplane.store.unreadable import UnreadableDocuments
from callplane.telemetry.exporting import exported
from callplane.telemetry.logs import logger
from callplane.telemetry.traces import Traces


@dataclass(frozen=True, slots=True)
class Program:
    """The assembled API: what serves requests, and what it is made of."""

    asgi: ASGIApp
    services: Services


class _Repositories:
    """What the API reads and writes in the database, and by ``lease`` in that of the pod's lease."""

    def __init__(self, database: Database, lease: Database) -> None:
        self.clock = DatabaseClock(lease)
        self.pods = PodLeases(lease)
        self.sessions = Sessions(database, self.clock)
        self.connections = Connections(database, self.clock)
        self.client_reports = ClientReports(database)
        self.session_graph = SessionGraph(database)
        self.attachments = Attachments(database)
        self.idempotency_keys = IdempotencyKeys(database)
        self.tickets = Tickets(database)
        self.session_pages = SessionPages(database)
        self.overview = Overview(database)
        self.presences = Presences(database, self.clock)
        self.processes = Processes(database)
        self.server_pool = ServerPool(database)
        self.bans = Bans(database)
        self.api_keys = ApiKeys(database)
        self.timeline = Timeline(database)
        self.quotas = StoredQuotas(database)
        self.quota_uses = QuotaUses(database)
        self.unreadable_documents = UnreadableDocuments(database, self.clock)


@asynccontextmanager
async def assemble(settings: Settings, *, buses: Buses, further: Sequence[APIRouter] = ()) -> AsyncIterator[Program]:
    """Open everything that the API needs, in order, and close it in reverse. ``further``: the caller's own routes."""
    with single_exception():
        async with AsyncExitStack() as stack:
            traces = await stack.enter_async_context(exported(settings.otlp_endpoint, "api", settings.otlp_share))
            sender = await stack.enter_async_context(buses.bus.sender())
            database = await stack.enter_async_context(open_database(settings.mongo_url, settings.mongo_database))
            messages = await stack.enter_async_context(
                open_messages(database, settings.messages_url, settings.mongo_database)
            )
            # The lease and the clock with it have a client of their own: whatever fills the other's pool, and however
            # long its operations take, the pod that waits for them is alive.
            lease = await stack.enter_async_context(open_database(settings.mongo_url, settings.mongo_database))
            stored = _Repositories(database, lease)
            await _synced(stored.clock)
            log = await stack.enter_async_context(open_log_messenger(messages, stored.clock, buses.bus.hints))
            draining, metrics = asyncio.Event(), Metrics()
            metrics.watch_hints(log.hints_unsent)
            database.unread.on_unreadable = metrics.unreadable
            mailboxes = open_mailboxes(_mailbox_services(stored, buses, metrics), draining)
            poll_router = await stack.enter_async_context(mailboxes)
            ends = LogEnds(
                *(database, messages, lease, stored.clock, buses.bus.hints),
                watch=metrics.watch_feeds,
                appended=timed(log.heard, metrics.hint_taken, stored.clock.now),
                failed=metrics.loop_failed,
            )
            readers = await stack.enter_async_context(open_readers(QueueReaders(poll_router), ends, draining))
            overload = Overload(settings.shed_lag, metrics.shed)
            metrics.watch_overload(lambda: overload.standing)
            lag = forever("lag", partial(metrics.watch_loop, overload.look), failed=metrics.loop_failed)
            await stack.enter_async_context(alongside(lag))
            activity = Activity(stored.presences.active, stored.clock.now)
            await stack.enter_async_context(alongside(forever("activity", activity.run, failed=metrics.loop_failed)))
            timeouts = ReplyTimeouts(settings.command_wait, settings.drain_wait, draining)
            shortening = until_done("reply timeouts", timeouts.run, failed=metrics.loop_failed)
            await stack.enter_async_context(alongside(shortening))
            stored_keys = StoredKeys(stored.api_keys, stored.clock.now, settings.token_secrets)
            quotas = QuotasInForce(settings, stored.quotas)
            await stack.enter_async_context(_followed("keys", stored_keys, metrics))
            await stack.enter_async_context(_followed("quotas", quotas, metrics))
            limits = RateLimits(settings, quotas=QuotaRates(quotas.of, metrics.quota_exceeded))
            credentials, tenants = Credentials(settings, stored_keys), Tenants(Tenancy(database, messages))
            published = CountedEvents(buses.bus.events, metrics.published) if settings.events else None
            refused = RefusedRequests(published, Tenancy(database), stored.clock.now, metrics.refused_lost)
            telling = forever("refused requests", refused.run, failed=metrics.loop_failed)
            await stack.enter_async_context(alongside(telling))
            services = Services(
                credentials=credentials,
                api_keys=stored.api_keys,
                stored_keys=stored_keys,
                participant_tokens=credentials.participants,
                access_tokens=credentials.access,
                rate_limits=limits,
                quotas=quotas,
                stored_quotas=stored.quotas,
                quota_uses=stored.quota_uses,
                overload=overload,
                proxies=TrustedProxies(settings.trusted_proxies),
                permissions=Permissions(stored.sessions, stored.attachments, tenants, activity.mark, limits.charge),
                tenants=tenants,
                activity=activity,
                dispatcher=_dispatcher(sender, stored, metrics, timeouts, settings.commands),
                signals=Signals(buses.bus.messenger, log, overload),
                chat=Chat(log, History(messages), KeptEntries(messages)),
                refused_requests=refused,
                dead_letters=buses.bus.dead_letters,
                readers=readers,
                tickets=stored.tickets,
                connections=stored.connections,
                client_reports=stored.client_reports,
                session_graph=stored.session_graph,
                mailbox_lag=MailboxLag(database, messages),
                session_pages=stored.session_pages,
                overview=stored.overview,
                presences=stored.presences,
                bans=stored.bans,
                hooks=Hooks(database, stored.clock, settings.webhook_hosts, settings.webhook_days),
                timeline=stored.timeline,
                event_readers=EventReaders(buses.bus.stream, metrics, draining),
                server_pool=stored.server_pool,
                processes=stored.processes,
                unreadable_documents=stored.unreadable_documents,
                ice_servers=IceServers(settings),
                metrics=metrics,
                draining=draining,
            )
            yield Program(application(settings, services, traces, further), services)


@asynccontextmanager
async def _followed(name: str, what: StoredKeys | QuotasInForce, metrics: Metrics) -> AsyncIterator[None]:
    """What is in the database, followed for the block; without a database settings have to do."""
    with suppress(Unavailable, Trouble, TimeoutError):
        await what.follow()
    async with alongside(forever(name, what.run, failed=metrics.loop_failed)):
        yield


def _mailbox_services(stored: _Repositories, buses: Buses, metrics: Metrics) -> MailboxServices:
    return MailboxServices(
        buses.mailboxes,
        stored.attachments,
        stored.pods,
        stored.clock,
        published=stored.sessions.published,
        watch=metrics.watch_mailboxes,
        said=metrics.recent.told,
        failed=metrics.loop_failed,
    )


def _dispatcher(
    sender: Sender, stored: _Repositories, metrics: Metrics, timeouts: ReplyTimeouts, commands: CommandQueues
) -> CommandDispatcher:
    late_repeats = LateRepeats(stored.sessions, stored.connections, stored.attachments)
    return CommandDispatcher(
        sender, stored.sessions, stored.idempotency_keys, late_repeats, stored.clock, metrics, timeouts, commands
    )


@asynccontextmanager
async def serve(
    settings: Settings,
    *,
    buses: Buses,
    listener: socket.socket | None = None,
    further: Sequence[APIRouter] = (),
) -> AsyncIterator[str]:
    """Serve until the block ends, which drains first; yields the base URL.

    ``listener`` is a bound socket; without one an address is taken as the settings say (OSError when it is taken).
    ``further`` are routes of the caller's own, served beside all others.
    """
    with single_exception(), listener or bind(settings.host, settings.port) as sock, ExitStack() as stack:
        theirs, most = _operators_socket(settings, stack), settings.max_connections
        async with (
            assemble(settings, buses=buses, further=further) as program,
            serve_asgi(program.asgi, sock, most, sheds=partial(program.services.overload.sheds, "connections")) as url,
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


def application(settings: Settings, services: Services, traces: Traces, further: Sequence[APIRouter] = ()) -> ASGIApp:
    """The whole ASGI program on these services: its routes, and what stands around them."""
    app = routed(further)
    app.state.services = services
    origins = settings.cors_origins
    direct = messages.DirectPolls(app, DirectStreams(app, DirectRequests(app, otherwise=Heads(app))))
    inside: ASGIApp = Cors(direct, origins) if origins else direct
    if settings.operator_port is not None:
        inside = OperatorPort(
            inside, [CONSOLE, *(noun.router.prefix for noun in OPERATORS), *(one.prefix for one in further)]
        )
    named = RequestMiddleware(inside, traces, services.metrics, services.draining)
    app.state.program = Versions(named, versioned_nouns(further))
    return cast(ASGIApp, app.state.program)
