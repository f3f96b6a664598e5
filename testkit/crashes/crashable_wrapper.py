"""Wrappers that can die at any point: one process's parts on counting ports, and what they have told the world."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from callplane.bus.ports import Bus, Messenger
from callplane.contracts.command_queues import CommandQueues
from callplane.contracts.commands import Candidate, Envelope
from callplane.contracts.engines import Engine
from callplane.contracts.errors import Busy, Problem, Refusal, Trouble, Unavailable
from callplane.contracts.ids import ParticipantId, SessionId, new_id
from callplane.contracts.media import MediaRef
from callplane.contracts.messages import Message
from callplane.contracts.replies import Reply
from callplane.messengers import EngineMessenger
from callplane.store.leases import WrapperLeases
from kurento_client import KurentoClient, connect
from testkit.crashes.call_points import Database, Points, Port
from testkit.crashes.crashable_log import crashable_log
from testkit.inprocess.repositories import Repositories
from wrapper.app import _store
from wrapper.commands.registry import HANDLERS
from wrapper.context import Context
from wrapper.effects.chores import Chores
from wrapper.effects.outbox import Outbox
from wrapper.effects.runner import FollowUpRunner, Outcome
from wrapper.engine_choice import EngineChoice
from wrapper.follow_ups import FollowUps
from wrapper.media.endpoint_events import EndpointEvents
from wrapper.media.kurento import KurentoMedia, MediaOptions
from wrapper.media.port import Gone
from wrapper.media.server import MediaServer
from wrapper.settings import WrapperSettings
from wrapper.sweeps.adoption import Adoption
from wrapper.sweeps.leases import Leases
from wrapper.sweeps.lost_media import LostMedia
from wrapper.sweeps.lost_seats import LostSeats
from wrapper.sweeps.schedule import Sweeps

SERVER = "media"
AGAIN_SECONDS = 0.01
FAST = WrapperSettings(sweep_seconds=0.001, lease_seconds=30, drop_seconds=0, tombstone_seconds=0)


@dataclass
class Published:
    """Everything that any wrapper has published to queues, in order, with what it fed to media servers."""

    sessions: dict[str, list[Message]] = field(default_factory=dict)
    participants: dict[str, list[Message]] = field(default_factory=dict)
    fed: list[tuple[str, str]] = field(default_factory=list)


class RecordingMessenger:
    """The real messenger to queues, with a copy of what it has taken."""

    def __init__(self, messenger: Any, told: Published) -> None:
        self._messenger, self._told = messenger, told

    async def to_session(self, session: SessionId, messages: list[Message]) -> str:
        """To everybody in it."""
        taken: str = await self._messenger.to_session(session, messages)
        self._told.sessions.setdefault(session, []).extend(messages)
        return taken

    async def to_participant(self, participant: ParticipantId, *messages: Message) -> bool:
        """To one mailbox."""
        there: bool = await self._messenger.to_participant(participant, *messages)
        self._told.participants.setdefault(participant, []).extend(messages)
        return there


class RecordingMedia:
    """The real media port, with a note of the candidates that endpoints were fed."""

    def __init__(self, media: Any, told: Published) -> None:
        self._media, self._told = media, told

    def __getattr__(self, method: str) -> Any:
        return getattr(self._media, method)

    async def add_candidate(self, endpoint: MediaRef, candidate: Candidate) -> None:
        """Feed one."""
        await self._media.add_candidate(endpoint, candidate)
        self._told.fed.append((endpoint.id, candidate.candidate))


class OrderedFollowUpRunner(FollowUpRunner):
    """Carries out what is owed in order and when it is asked for, so that every run has the same points."""

    joint_seconds = None

    def __init__(self, context: Context, outbox: Outbox, chores: Chores) -> None:
        super().__init__(context, outbox, chores)
        self.bugs: list[Exception] = []

    async def drain(self) -> None:
        """Do what is owed, and what that makes owed."""
        while self._context.follow_ups:
            one = await self._context.follow_ups.next()
            await self.do(one.document, publishes=one.publishes, chores=one.chores)

    async def _guarded(self, document: Any, what: str, work: Any) -> Outcome:
        async def watched() -> bool:
            try:
                done: bool = await work
            except (Unavailable, Busy, Trouble, Refusal, TimeoutError):
                raise
            except Exception as bug:  # the product logs it and goes on; here it fails the test
                self.bugs.append(bug)
                raise
            return done

        return await super()._guarded(document, what, watched())


@dataclass
class CrashableWrapper:
    """One wrapper process, as far as handlers, chores and sweeps are concerned."""

    id: str
    points: Points
    context: Context
    ledger: OrderedFollowUpRunner
    leases: Leases
    adoption: Adoption
    sweeps: Sweeps
    leased: WrapperLeases
    client: KurentoClient

    async def command(self, envelope: Envelope, attempts: int = 5) -> Reply:
        """Handle a command as the bus would have it done: tried again in trouble, answered when refused."""
        while True:
            try:
                result = await HANDLERS[type(envelope.body)](envelope, envelope.body, self.context)
            except Refusal as refusal:
                return Reply(command_id=envelope.id, problem=refusal.problem)
            except (Busy, Unavailable, Trouble, Gone) as trouble:
                attempts -= 1
                if not attempts:
                    return Reply(command_id=envelope.id, problem=Problem(code="unavailable", detail=str(trouble)))
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return Reply(command_id=envelope.id, result=result.model_dump(mode="json"))

    async def sweep(self) -> None:
        """Every sweep once, and what they owe; a living wrapper has its lease renewed beside them."""
        await self.leased.renew(self.id)
        for sweep in (
            self.adoption.take_over,
            self.adoption.release_abandoned,
            self.adoption.resubscribe,
            self.sweeps.lost_servers.sweep,
            self.sweeps.owed,
            self.sweeps.idle_sessions.sweep,
            self.sweeps.ended_presences.sweep,
            LostSeats(self.context, self.leases).sweep,
            LostMedia(self.context, 0).sweep,
        ):
            await sweep()
            await self.ledger.drain()

    def bugs(self) -> list[Exception]:
        """What the product would have logged as bugs."""
        return self.ledger.bugs


@dataclass(frozen=True)
class Surroundings:
    """What outlives every wrapper."""

    bus: Bus
    store: Repositories
    media_server: str
    told: Published
    engine: Engine
    """That of every session that is made there."""
    commands: CommandQueues = "per-session"
    """Where its commands wait."""


@asynccontextmanager
async def crashable_wrapper(outside: Surroundings, points: Points) -> AsyncIterator[CrashableWrapper]:
    """A wrapper with a lease and a socket of its own; leaving is its death, for both end with it."""
    store, wrapper = outside.store, new_id()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(connect(outside.media_server))
        events = await stack.enter_async_context(asyncio.TaskGroup())
        stack.callback(events.create_task(_ignore(client)).cancel)
        await client.opened()
        await store.wrappers.renew(wrapper)
        log = await stack.enter_async_context(crashable_log(store.database, points))
        yield _assembled(outside, points, wrapper, client, log)
        await store.wrappers.release(wrapper)
        await store.servers.remove_contacts([wrapper])


def _assembled(
    outside: Surroundings, points: Points, wrapper: str, client: KurentoClient, log: Messenger
) -> CrashableWrapper:
    store = _store(cast(Any, Database(outside.store.database, points, Unavailable)), FAST)
    queues = cast(Any, RecordingMessenger(outside.bus.messenger, outside.told))
    messenger = cast(Any, Port(EngineMessenger(store.engines, queues, log), "messenger", points, Unavailable))
    topology = cast(Any, Port(outside.bus.topology, "topology", points, Unavailable))
    follow_ups = FollowUps()
    events = EndpointEvents(store.media_states, messenger, store.clock, follow_ups)
    server = MediaServer(SERVER, (client, client), store.servers, cast(Any, None))
    kurento = KurentoMedia({SERVER: server}, events, MediaOptions())
    media = Port(RecordingMedia(kurento, outside.told), "media", points, Trouble)
    choice = EngineChoice(outside.engine, (), outside.commands)
    context = Context(wrapper, store, topology, messenger, cast(Any, media), follow_ups, choice)
    leases = Leases(context, 0, outside.bus.up)
    leases.renewed_since = leases.reachable_since = float("-inf")  # it has lived for ever, and so may judge others
    ledger = OrderedFollowUpRunner(context, Outbox(store.sessions, store.connections, messenger, topology), Chores())
    adoption = Adoption(context, leases)
    sweeps = Sweeps(context, leases, ledger, FAST)
    return CrashableWrapper(wrapper, points, context, ledger, leases, adoption, sweeps, outside.store.wrappers, client)


async def _ignore(client: KurentoClient) -> None:
    async for _ in client.events:
        pass
