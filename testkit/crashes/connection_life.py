"""One connection's life with everything that may come into it, in an order that is chosen call by call."""

import asyncio
import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from callplane.contracts.commands import Caller, Candidate, Candidates, Envelope, Leave, Publish, Stop, Subscribe
from callplane.contracts.errors import Busy, Refusal, Trouble, Unavailable
from callplane.contracts.ids import CommandId, ParticipantId, SessionId, connection_made_by, new_id
from callplane.contracts.registry import AnyCommand
from callplane.store.documents import ConnectionDocument, Outboxed, SessionDocument
from callplane.store.log.place import Place
from callplane.store.log.records import LogKey
from testkit.crashes.call_points import Points
from testkit.crashes.call_scheduler import Actor, World
from testkit.crashes.crashable_wrapper import FAST, SERVER, OrderedFollowUpRunner
from testkit.fakes.sdp import plain
from testkit.inprocess.logs import logged
from wrapper.commands.registry import HANDLERS
from wrapper.context import Context
from wrapper.media.port import Gone
from wrapper.sweeps.adoption import Adoption
from wrapper.sweeps.leases import Leases
from wrapper.sweeps.schedule import Sweeps

ACTIONS = ("offer", "candidates", "stop", "leave", "lose", "kill", "lapse")
WEIGHTS = (2, 3, 2, 1, 2, 3, 3)


@dataclass
class ConnectionLife:
    """Ann offers one connection; Bo watches whatever she publishes; two wrappers carry out what comes."""

    world: World
    chance: random.Random
    session: SessionId = field(default_factory=lambda: SessionId(new_id()))
    ann: ParticipantId = field(default_factory=lambda: ParticipantId(new_id()))
    bo: ParticipantId = field(default_factory=lambda: ParticipantId(new_id()))
    wrappers: list[str] = field(default_factory=lambda: [new_id(), new_id()])
    actors: list[Actor] = field(default_factory=list)
    pending: list[Envelope | str] = field(default_factory=list)
    replies: dict[str, list[Any]] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)
    _ready: dict[str, str] = field(default_factory=dict)
    _released: set[str] = field(default_factory=set)

    async def begin(self) -> None:
        """A session with both in it, and Bo's view."""
        store = self.world.store
        await store.servers.register(SERVER, "ws://nowhere")
        await store.servers.mark_reached(SERVER, "somebody", "one")
        self.session = (await store.session(self.world.engine)).id
        for wrapper in self.wrappers:
            await store.wrappers.renew(wrapper)
        for person in (self.ann, self.bo):
            await store.seated(self.session, person, CommandId(new_id()))
            await store.attachments.open(self.session, person, Place() if self.world.engine == "log" else None)
        body = Subscribe(participant_id=self.bo, publisher=self.ann, sdp_offer=plain("recvonly"))
        self.view = self.envelope(body)
        context, ledger = self.world.wrapper(self.wrappers[0], Points())
        await self._deliver(self.view, context)
        await ledger.drain()
        self.offer = self.envelope(Publish(participant_id=self.ann, sdp_offer=plain("sendonly")))
        self.connection = connection_made_by(self.offer.id)
        await self.invariants()

    def envelope(self, body: AnyCommand) -> Envelope:
        """A command with time enough."""
        deadline = self.world.store.clock.now() + timedelta(seconds=600)
        caller = Caller(kind="key", name="tests")
        return Envelope(id=new_id(), session_id=self.session, caller=caller, deadline=deadline, body=body)

    def actions(self) -> list[str]:
        """Some of everything."""
        return self.chance.choices(ACTIONS, WEIGHTS, k=self.chance.randrange(2, 8))

    def commands(self, actions: list[str]) -> list[Envelope | str]:
        """What will happen, in no order yet: commands, losses and deaths."""
        made: list[Envelope | str] = [self.offer]
        for n, action in enumerate(actions):
            match action:
                case "offer":
                    made.append(self.offer)  # delivered twice, as when its first wrapper is paused
                case "candidates":
                    given = [Candidate(candidate=f"candidate {n}")]
                    body = Candidates(participant_id=self.ann, connection_id=self.connection, candidates=given)
                    made.append(self.envelope(body))
                case "stop":
                    made.append(self.envelope(Stop(participant_id=self.ann, connection_id=self.connection)))
                case "leave":
                    made.append(self.envelope(Leave(participant_id=self.ann)))
                case _:
                    made.append(action)
        return made

    async def live(self) -> None:
        """Begin things, now and then, and between them let one call through; then everything comes to its end."""
        waiting: list[Envelope | str] = self.commands(self.actions())
        self.chance.shuffle(waiting)
        # How often something begins while others are at work: seldom, or nearly all at once.
        eagerness = self.chance.choice((0.05, 0.1, 0.2, 0.5))
        while waiting or self.pending or self._running():
            running = self._running()
            if running and (not (waiting or self.pending) or self.chance.random() > eagerness):
                await self._step(self.chance.choice(running))
            else:
                begun = self.chance.choice(
                    [waiting, self.pending] if waiting and self.pending else [waiting or self.pending]
                )
                await self._start(begun.pop(0))
            assert len(self.history) < 3_000, "it does not come to an end"
        await self._sweep()
        await self.verdict()
        await self._forget()

    async def _forget(self) -> None:
        """Leave nothing that the next life's wrappers would repair, on a media server that they do not have."""
        for collection in ("sessions", "connections", "attachments", "wrappers", "log"):
            await self.world.store.database[collection].delete_many({})

    def _running(self) -> list[Actor]:
        return [actor for actor in self.actors if not actor.done]

    async def _step(self, actor: Actor) -> None:
        await actor.step()
        call = actor.points.passed[-1] if actor.points.passed else "ends"
        self.history.append(f"{actor.wrapper[-4:]} {call}")
        if "find_one_and_update" in call or ".update_" in call:
            await self.invariants()

    async def _start(self, what: Envelope | str) -> None:
        busy = [actor.wrapper for actor in self._running() if actor.wrapper in self.wrappers]
        wrapper = self.chance.choice(busy if busy and what in ("kill", "lapse") else self.wrappers)
        self.history.append(f"{wrapper[-4:]} begins {what if isinstance(what, str) else what.name}")
        if what in ("kill", "lapse"):
            await self._end(wrapper, dead=what == "kill")
        elif what == "lose":
            self.actors.append(Actor(self.world, wrapper, self._lose))
        elif isinstance(what, Envelope):

            async def work(context: Context, _: OrderedFollowUpRunner) -> None:
                await self._deliver(what, context)

            self.actors.append(Actor(self.world, wrapper, work))
            self.actors[-1].command = what

    async def _deliver(self, envelope: Envelope, context: Context) -> None:
        try:
            result = await HANDLERS[type(envelope.body)](envelope, envelope.body, context)
        except Refusal as refusal:
            self.replies.setdefault(envelope.id, []).append(refusal.problem)
        except (Busy, Unavailable, Trouble, Gone):
            self.pending.append(envelope)
        else:
            self.replies.setdefault(envelope.id, []).append(result)

    async def _lose(self, context: Context, _: OrderedFollowUpRunner) -> None:
        """The pipeline is gone from the media server, and this wrapper notices."""
        found = await context.store.sessions.find(self.session)
        if found is not None and found.media is not None:
            await self.world.media.release(found.media)
            context.follow_ups.schedule(await context.store.media.lose(found, "pipeline-lost"))

    async def _end(self, wrapper: str, *, dead: bool) -> None:
        """A wrapper dies with all its tasks, or is paused until they go on without a lease; another takes its place.

        The broker gives out again what was not answered.
        """
        for actor in [a for a in self._running() if a.wrapper == wrapper]:
            if dead:
                await actor.kill()
            if actor.command is not None and actor.command.id not in self.replies:
                self.pending.append(actor.command)
        await self.world.store.wrappers.release(wrapper)
        self.wrappers[self.wrappers.index(wrapper)] = fresh = new_id()
        await self.world.store.wrappers.renew(fresh)

    async def _sweep(self) -> None:
        context, ledger = self.world.wrapper(self.wrappers[0], Points())
        leases = Leases(context, 0, lambda: True)
        leases.renewed_since = leases.reachable_since = float("-inf")
        adoption = Adoption(context, leases)
        sweeps = Sweeps(context, leases, ledger, FAST)
        for _ in range(20):
            await adoption.take_over()
            await adoption.resubscribe()
            await sweeps.owed()
            await ledger.drain()
            assert ledger.bugs == []
            session, connections = await self.state()
            if not any(d.outbox or d.chores for d in (session, *connections)):
                return
            await asyncio.sleep(0.002)  # what is owed is swept when it is older than a millisecond
        raise AssertionError("it does not come to rest")

    async def state(self) -> tuple[SessionDocument, list[ConnectionDocument]]:
        """The documents as they are."""
        store = self.world.store
        session = await store.sessions.find(self.session)
        assert session is not None
        raw = store.database["connections"].find({"session_id": self.session})
        return session, [ConnectionDocument.model_validate(found) async for found in raw]

    async def invariants(self) -> None:
        """What holds between any two calls (design 5)."""
        session, connections = await self.state()
        self._number(session)
        states = {c.id: c for c in connections}
        for connection in connections:
            self._number(connection)
            if connection.id in self._released:
                assert connection.state == "released", "released is final"
            if connection.state == "released":
                self._released.add(connection.id)
            if connection.state == "ready":
                assert connection.endpoint is not None
                committed = self._ready.setdefault(connection.id, connection.endpoint.id)
                assert committed == connection.endpoint.id, "two endpoints were committed"
            texts = [c["candidate"] for c in connection.candidates]
            assert len(texts) == len(set(texts)), "a candidate was kept twice"
        for stream in session.streams:
            of = states[stream.connection_id]
            assert (of.state != "negotiating", of.epoch) == (True, session.epoch), "a stream without its connection"

    async def _logs(self, session: SessionDocument, connections: list[ConnectionDocument]) -> None:
        """The session's log has each version once and in order; the seats', each event of their connections."""
        told = await logged(self.world.store.database, LogKey(session.id, session.id))
        assert [m.version for m in told] == list(range(2, session.version + 1)), "events of the session"
        for connection in connections:
            own = await logged(self.world.store.database, LogKey(connection.participant_id, session.id))
            numbers = [int(m.id.partition(":")[2]) for m in own if m.id.startswith(f"{connection.id}:")]
            assert list(dict.fromkeys(numbers)) == list(range(1, connection.version + 1)), "events of a connection"

    def _number(self, document: Outboxed) -> None:
        for number, entry in document.numbered():
            assert self._numbers.setdefault(entry.id, number) == number, "an event changed its number"

    async def verdict(self) -> None:
        """What holds when nothing is owed any more."""
        session, connections = await self.state()
        if self.world.engine == "log":
            await self._logs(session, connections)
        ready = [c for c in connections if c.state == "ready"]
        endpoints = {c.endpoint.id: c for c in ready if c.endpoint is not None}
        assert all(c.epoch == session.epoch and session.seat(c.participant_id) for c in ready)
        there = {endpoint: owner.connection_id for endpoint, owner in self.world.media.endpoints.items()}
        assert there == {endpoint: c.id for endpoint, c in endpoints.items()}, f"endpoints, {connections}"
        published = {c.id: c for c in ready if c.kind == "publish"}
        assert [s.connection_id for s in session.streams] == list(published)
        assert all(c.claim is None for c in connections)
        for endpoint, connection in endpoints.items():
            kept = {c["candidate"] for c in connection.candidates}
            assert kept <= self.world.media.fed.get(endpoint, set()), "a candidate was not fed"
        answers = {r.connection.sdp_answer for r in self.replies.get(self.offer.id, []) if hasattr(r, "connection")}
        assert len(answers) <= 1, "two answers"
        views = [c for c in ready if c.kind == "subscribe"]
        fed = {medium: s for (sink, medium), s in self.world.media.links.items() if sink in endpoints}
        source = next((c.endpoint.id for c in published.values() if c.endpoint is not None), None)
        assert fed == ({"AUDIO": source, "VIDEO": source} if views and source else {}), "the view is not as published"
