"""Wrappers on one real mongod whose calls are let through one by one, so that a test decides who goes next."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from callplane.contracts.commands import Candidate, Envelope
from callplane.contracts.engines import Engine
from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.ids import ConnectionId, ParticipantId, SessionId, new_id
from callplane.contracts.media import MediaRef
from callplane.messengers import EngineMessenger
from testkit.crashes.call_points import Database, Killed, Points, Port
from testkit.crashes.crashable_log import HeadlessLog
from testkit.crashes.crashable_wrapper import FAST, SERVER, OrderedFollowUpRunner
from testkit.inprocess.repositories import Repositories
from wrapper.app import _store
from wrapper.context import Context
from wrapper.effects.chores import Chores
from wrapper.effects.outbox import Outbox
from wrapper.engine_choice import EngineChoice
from wrapper.follow_ups import FollowUps
from wrapper.media.port import EndpointOwner, Gone, Medium, State


@dataclass
class Steps(Points):
    """Every call waits until it is let through."""

    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def call(self, name: str, severed: type[Exception], work: Callable[[], Awaitable[Any]]) -> Any:
        """One call."""
        self.arrived.set()
        await self.go.acquire()
        if self.dead:
            raise Killed
        self.passed.append(name)
        return await work()


class MemoryMedia:
    """A media server in memory: pipelines, tagged endpoints, what they were fed and what feeds them."""

    def __init__(self) -> None:
        self.pipelines: set[str] = set()
        self.endpoints: dict[str, EndpointOwner] = {}
        self.fed: dict[str, set[str]] = {}
        self.links: dict[tuple[str, Medium], str] = {}

    async def is_up(self, server: str) -> bool:
        """It always is."""
        return server == SERVER

    def reached(self) -> frozenset[str]:
        """The one."""
        return frozenset({SERVER})

    async def exists(self, ref: MediaRef) -> bool:
        """Whether it is there."""
        return ref.id in self.pipelines or ref.id in self.endpoints

    async def create_pipeline(self, server: str, session: SessionId, epoch: int) -> MediaRef:
        """Make one."""
        self.pipelines.add(made := new_id())
        return MediaRef(server, made)

    async def create_endpoint(self, pipeline: MediaRef, owner: EndpointOwner, sdp_offer: str) -> tuple[MediaRef, str]:
        """Make one in it, and an answer that names it and takes all that is offered."""
        if pipeline.id not in self.pipelines:
            raise Gone(pipeline)
        self.endpoints[made := f"{pipeline.id}/{new_id()}"] = owner
        turned = sdp_offer.replace("a=sendonly", "a=recvonly") if "sendonly" in sdp_offer else sdp_offer
        return MediaRef(pipeline.server, made), turned.replace("s=-", f"s=of {made}")

    async def gather(self, endpoint: MediaRef) -> None:
        """Nothing to gather."""
        self._there(endpoint)

    async def gather_connected(self, endpoint: MediaRef, source: MediaRef, media: Sequence[Medium]) -> None:
        """Nothing to gather; let it flow."""
        await self.connect(source, endpoint, media, on=True)

    async def add_candidate(self, endpoint: MediaRef, candidate: Candidate) -> None:
        """Feed one."""
        self._there(endpoint)
        self.fed.setdefault(endpoint.id, set()).add(candidate.candidate)

    async def sources(
        self, sink: MediaRef, source: MediaRef | None = None, without: Sequence[Medium] = ()
    ) -> dict[Medium, str]:
        """What feeds it, once these do not any more."""
        self._there(sink)
        if source is not None and without:
            await self.connect(source, sink, without, on=False)
        return {medium: source for (endpoint, medium), source in self.links.items() if endpoint == sink.id}

    async def connect(self, source: MediaRef, sink: MediaRef, media: Sequence[Medium], *, on: bool) -> None:
        """Let it flow; a sink has one source."""
        self._there(source)
        self._there(sink)
        for medium in media:
            if on:
                self.links[sink.id, medium] = source.id
            elif self.links.get((sink.id, medium)) == source.id:
                del self.links[sink.id, medium]

    async def subscribe(self, endpoint: MediaRef, owner: EndpointOwner) -> State:
        """Nothing to hear."""
        return await self.state(endpoint)

    async def state(self, endpoint: MediaRef) -> State:
        """Nobody has ever come."""
        self._there(endpoint)
        return State()

    async def is_receiving(self, endpoint: MediaRef) -> bool:
        """Nothing comes from anybody."""
        self._there(endpoint)
        return False

    async def release(self, *refs: MediaRef) -> None:
        """Destroy them, and what is in them."""
        for ref in refs:
            self.pipelines.discard(ref.id)
            for gone in [e for e in self.endpoints if e == ref.id or e.startswith(f"{ref.id}/")]:
                del self.endpoints[gone]
                self.links = {sink: source for sink, source in self.links.items() if gone not in (sink[0], source)}

    async def release_tagged(self, pipeline: MediaRef, connection: ConnectionId, keep: MediaRef | None = None) -> None:
        """Destroy what carries the tag."""
        for endpoint, owner in list(self.endpoints.items()):
            inside = endpoint.startswith(f"{pipeline.id}/")
            if inside and owner.connection_id == connection and (keep is None or keep.id != endpoint):
                await self.release(MediaRef(pipeline.server, endpoint))

    def _there(self, endpoint: MediaRef) -> None:
        if endpoint.id not in self.endpoints:
            raise Gone(endpoint)


class NoBroker:
    """Takes every message and every declaration."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    async def to_session(self, session: SessionId, messages: list[Any]) -> str:
        """To everybody."""
        self.told += messages
        return "all"

    async def to_participant(self, participant: ParticipantId, *messages: Any) -> bool:
        """To one."""
        self.told += messages
        return True

    async def delete_mailbox(self, participant: ParticipantId) -> None:
        """Nothing to delete."""

    async def delete_session(self, session: SessionId) -> None:
        """Nothing to delete."""


@dataclass
class World:
    """What all wrappers share."""

    store: Repositories
    engine: Engine = "queues"
    """That of every session in it."""
    media: MemoryMedia = field(default_factory=MemoryMedia)
    broker: NoBroker = field(default_factory=NoBroker)

    def wrapper(self, id_: str, points: Points) -> tuple[Context, OrderedFollowUpRunner]:
        """One wrapper's parts as one task of it uses them: its calls go through these points."""
        store = _store(cast(Any, Database(self.store.database, points, Unavailable)), FAST)
        broker = cast(Any, Port(self.broker, "broker", points, Unavailable))
        media = cast(Any, Port(self.media, "media", points, Trouble))
        log = cast(Any, HeadlessLog(self.store.database, points))
        messenger = cast(
            Any, Port(EngineMessenger(store.engines, cast(Any, self.broker), log), "messenger", points, Unavailable)
        )
        context = Context(id_, store, broker, messenger, media, FollowUps(), EngineChoice(self.engine, ()))
        outbox = Outbox(store.sessions, store.connections, messenger, broker)
        return context, OrderedFollowUpRunner(context, outbox, Chores())


class Actor:
    """One task of one wrapper, which makes its next call when it is told to."""

    def __init__(
        self, world: World, wrapper: str, work: Callable[[Context, OrderedFollowUpRunner], Awaitable[Any]]
    ) -> None:
        self.wrapper = wrapper
        self.command: Envelope | None = None
        self.points = Steps()
        self.context, self.ledger = world.wrapper(wrapper, self.points)
        self._task = asyncio.ensure_future(self._run(work))

    async def _run(self, work: Callable[[Context, OrderedFollowUpRunner], Awaitable[Any]]) -> None:
        try:
            await work(self.context, self.ledger)
            await self.ledger.drain()
        except* Killed:  # bare, or in the group of tasks in which it happened
            pass

    @property
    def done(self) -> bool:
        """Whether it has come to its end."""
        return self._task.done()

    async def step(self) -> None:
        """Let it make one call, and go on until the next, or to its end."""
        await self._halted()
        self.points.arrived.clear()
        self.points.go.release()
        await self._halted()

    async def kill(self) -> None:
        """Let it make no call any more."""
        self.points.dead = True
        while not self.done:
            await self.step()

    async def _halted(self) -> None:
        arrived = asyncio.ensure_future(self.points.arrived.wait())
        await asyncio.wait({self._task, arrived}, return_when=asyncio.FIRST_COMPLETED)
        arrived.cancel()
        if self.done:
            self._task.result()
            assert self.ledger.bugs == []
