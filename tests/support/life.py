"""One connection's life with everything that may come into it, in an order that is chosen call by call."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from callplane.contracts.commands import (
    Caller,
    Candidate,
    Candidates,
    Command,
    Envelope,
    Leave,
    Publish,
    Stop,
    Subscribe,
)
from callplane.contracts.errors import Away, Busy, Refusal, Trouble
from callplane.contracts.ids import ParticipantId, SessionId, made_by, new_id
from callplane.store.documents import ConnectionDocument, Outboxed, SessionDocument
from tests.support.faults import Points
from tests.support.interleaving import Actor, World
from tests.support.mortals import FAST, SERVER, Ledger
from wrapper.commands import COMMANDS
from wrapper.context import Context
from wrapper.leases import Leases
from wrapper.media.port import Gone
from wrapper.sweeps import Sweeps

ACTIONS = ("offer", "candidates", "stop", "leave", "lose", "kill")
CANDIDATES = ("one", "two", "three")
Choose = Callable[[int], int]


@dataclass
class Life:
    """Ann offers one connection; Bo watches whatever she publishes; two wrappers carry out what comes."""

    world: World
    choose: Choose
    session: str = field(default_factory=new_id)
    ann: str = field(default_factory=new_id)
    bo: str = field(default_factory=new_id)
    wrappers: list[str] = field(default_factory=lambda: [new_id(), new_id()])
    actors: list[Actor] = field(default_factory=list)
    pending: list[Envelope] = field(default_factory=list)
    replies: dict[str, list[Any]] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)
    _ready: dict[str, str] = field(default_factory=dict)
    _released: set[str] = field(default_factory=set)

    async def begin(self) -> None:
        """A session with both in it, and Bo's view."""
        store = self.world.store
        await store.servers.register(SERVER, "ws://nowhere")
        await store.servers.reached(SERVER, "somebody", "one")
        self.session = (await store.session()).id
        for wrapper in self.wrappers:
            await store.wrappers.renew(wrapper)
        for person in (self.ann, self.bo):
            await store.seated(self.session, person, new_id())
            await store.attachments.open(SessionId(self.session), ParticipantId(person))
        body = Subscribe(participant_id=self.bo, publisher=self.ann, sdp_offer="v=0")
        self.view = self.envelope(body)
        context, ledger = self.world.wrapper(self.wrappers[0], Points())
        await self._deliver(self.view, context)
        await ledger.drain()
        self.offer = self.envelope(Publish(participant_id=self.ann, sdp_offer="v=0"))
        self.connection = made_by(self.offer.id)
        await self.invariants()

    def envelope(self, body: Command) -> Envelope:
        """A command with time enough."""
        deadline = self.world.store.clock.now() + timedelta(seconds=600)
        caller = Caller(kind="key", name="tests")
        return Envelope(id=new_id(), session_id=self.session, caller=caller, deadline=deadline, body=body)

    def commands(self, actions: list[str]) -> list[Envelope | str]:
        """What will happen, in no order yet: commands, losses and deaths."""
        names = iter(CANDIDATES)
        made: list[Envelope | str] = [self.offer]
        for action in actions:
            match action:
                case "offer":
                    made.append(self.offer)  # delivered twice, as when its first wrapper is paused
                case "candidates":
                    text = next(names, CANDIDATES[-1])
                    given = [Candidate(candidate=text)]
                    body = Candidates(participant_id=self.ann, connection_id=self.connection, candidates=given)
                    made.append(self.envelope(body))
                case "stop":
                    made.append(self.envelope(Stop(participant_id=self.ann, connection_id=self.connection)))
                case "leave":
                    made.append(self.envelope(Leave(participant_id=self.ann)))
                case _:
                    made.append(action)
        return made

    async def live(self, actions: list[str], calls: int) -> None:
        """Begin one thing or let one call through, so many times as chosen; then everything comes to its end."""
        waiting = self.commands(actions)
        for _ in range(calls):
            options = [*waiting, *self.pending, *(actor for actor in self.actors if not actor.done)]
            if not options:
                break
            chosen = options[self.choose(len(options))]
            if isinstance(chosen, Actor):
                await chosen.step()
                self.history.append(f"{self.wrappers.index(chosen.wrapper)} {chosen.points.passed[-1:]}")
            else:
                (waiting if chosen in waiting else self.pending).remove(chosen)
                await self._start(chosen)
            await self.invariants()
        for left in waiting:
            await self._start(left)
        await self._finish()

    async def _start(self, what: Envelope | str) -> None:
        wrapper = self.wrappers[self.choose(len(self.wrappers))]
        self.history.append(f"{self.wrappers.index(wrapper)} begins {what if isinstance(what, str) else what.name}")
        if what == "kill":
            await self._kill(wrapper)
        elif what == "lose":
            self.actors.append(Actor(self.world, wrapper, self._lose))
        elif isinstance(what, Envelope):

            async def work(context: Context, _: Ledger) -> None:
                await self._deliver(what, context)

            self.actors.append(Actor(self.world, wrapper, work))
            self.actors[-1].command = what

    async def _deliver(self, envelope: Envelope, context: Context) -> None:
        try:
            result = await COMMANDS[envelope.name](envelope, envelope.body, context)
        except Refusal as refusal:
            self.replies.setdefault(envelope.id, []).append(refusal.problem)
        except (Busy, Away, Trouble, Gone):
            self.pending.append(envelope)
        else:
            self.replies.setdefault(envelope.id, []).append(result)

    async def _lose(self, context: Context, _: Ledger) -> None:
        """The pipeline is gone from the media server, and this wrapper notices."""
        found = await context.store.sessions.find(self.session)
        if found is not None and found.media is not None:
            await self.world.media.release(found.media)
            context.aftermath.owes(await context.store.media.lose(found, "gone"))

    async def _kill(self, wrapper: str) -> None:
        """A wrapper dies with all its tasks; another starts, and the broker gives out again what was not answered."""
        for actor in [a for a in self.actors if a.wrapper == wrapper and not a.done]:
            await actor.kill()
            if actor.command is not None and actor.command.id not in self.replies:
                self.pending.append(actor.command)
        await self.world.store.wrappers.release(wrapper)
        self.wrappers[self.wrappers.index(wrapper)] = fresh = new_id()
        await self.world.store.wrappers.renew(fresh)

    async def _finish(self) -> None:
        """Let everybody go on in turn, then sweep until nothing is owed."""
        for _ in range(30):
            for actor in self.actors:
                while not actor.done:
                    await actor.step()
                    await self.invariants()
            if not self.pending:
                break
            pending, self.pending = self.pending, []
            for envelope in pending:
                await self._start(envelope)
        assert self.pending == []
        await self._sweep()
        await self.verdict()

    async def _sweep(self) -> None:
        context, ledger = self.world.wrapper(self.wrappers[0], Points())
        leases = Leases(context, 0)
        leases.renewed_since = float("-inf")
        sweeps = Sweeps(context, leases, ledger, FAST)
        for _ in range(20):
            await leases.judge()
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

    def _number(self, document: Outboxed) -> None:
        for number, entry in document.numbered():
            assert self._numbers.setdefault(entry.id, number) == number, "an event changed its number"

    async def verdict(self) -> None:
        """What holds when nothing is owed any more."""
        session, connections = await self.state()
        ready = [c for c in connections if c.state == "ready"]
        endpoints = {c.endpoint.id: c for c in ready if c.endpoint is not None}
        assert all(c.epoch == session.epoch and session.seat(c.participant_id) for c in ready)
        assert set(self.world.media.endpoints) == set(endpoints), "an endpoint is left, or missing"
        published = {c.id: c for c in ready if c.kind == "publish"}
        assert [s.connection_id for s in session.streams] == list(published)
        assert all(c.claim is None for c in connections)
        for endpoint, connection in endpoints.items():
            kept = {c["candidate"] for c in connection.candidates}
            assert kept <= self.world.media.fed.get(endpoint, set()), "a candidate was not fed"
        answers = {r.connection.sdp_answer for r in self.replies.get(self.offer.id, []) if hasattr(r, "connection")}
        assert len(answers) <= 1, "two answers"
        views = [c for c in ready if c.kind == "subscribe"]
        fed = {medium: s for (sink, medium), s in self.world.media.sources.items() if sink in endpoints}
        source = next((c.endpoint.id for c in published.values() if c.endpoint is not None), None)
        assert fed == ({"AUDIO": source, "VIDEO": source} if views and source else {}), "the view is not as published"
