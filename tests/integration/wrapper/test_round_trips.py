"""Round trips of each call: what a wrapper asks of database, broker and media server until nothing is owed."""

from collections.abc import Awaitable
from operator import gt
from typing import TypeVar

import pytest

from callplane.contracts.commands import Candidate, Candidates, CloseSession, Leave, SetState, UpdateParticipant
from callplane.contracts.ids import SessionId
from testkit.inprocess.round_trips import COMMANDS, RoundTrips, as_part, counted
from testkit.inprocess.wrappers import RunningWrappers, running_wrappers, until_up
from testkit.servers.servers import Servers
from testkit.servers.until import until
from wrapper.app import Program
from wrapper.effects.runner import FollowUpRunner

T = TypeVar("T")

Trips = tuple[int, int, int]
"""To database, broker (what is confirmed or answered) and media server."""

UNTIL_THE_REPLY: dict[str, Trips] = {
    "create": (1, 2, 0),
    "join": (3, 2, 0),
    "publish, the session's first": (8, 2, 3),
    "publish": (5, 2, 2),
    "subscribe": (5, 2, 2),
    "candidate": (1, 0, 1),
    "set a key": (1, 1, 0),
    "mute, one viewer": (2, 1, 0),
    "leave": (1, 1, 0),
    "leave, two connections": (1, 1, 0),
    "close, two seats, two connections": (1, 1, 0),
    "loss of an epoch, one connection": (1, 0, 0),
}
AFTER_IT: dict[str, Trips] = {
    "create": (0, 0, 0),
    "join": (1, 1, 0),
    "publish, the session's first": (4, 2, 0),
    "publish": (2, 1, 0),
    "subscribe": (0, 0, 0),
    "candidate": (0, 0, 0),
    "set a key": (1, 1, 0),
    "mute, one viewer": (2, 1, 1),
    "leave": (3, 2, 0),
    "leave, two connections": (4, 2, 1),
    "close, two seats, two connections": (3, 1, 1),
    "loss of an epoch, one connection": (7, 2, 1),
}
"""Event and chores, until nothing is owed but the deletion that follows a close by two seconds."""
JOIN_BY_THE_LOG = (6, 1)
"""Seat, attachment, snapshot and the log's head, then the append of the event behind that and its pull; the reply."""
OF_EACH_WRAPPER_THAT_LISTENS: Trips = (0, 2, 0)
"""To a new session; the second of the broker where a channel has no prefetch yet. Of what happens in it later others
ask nothing: an epoch that is over, a session and its queue are forgotten by what the change stream says of them."""


BY_THE_CLOCK = frozenset({"timeline", "gauges", "pool", "sweeps"})
"""Parts of a wrapper that ask from time to time, whatever happens."""


class Account:
    """Makes calls of one wrapper, and writes down what each costs."""

    def __init__(self, r: RunningWrappers, trips: RoundTrips) -> None:
        self._r = r
        self.trips = trips
        self.until_the_reply: dict[str, Trips] = {}
        self.after_it: dict[str, Trips] = {}
        self.told_by_the_stream: dict[str, Trips] = {}
        """What each wrapper asked because the change stream told it, until nothing was owed."""

    async def of(self, call: str, work: Awaitable[T]) -> T:
        """Wait for the call and all that it owes, and write both down."""
        await self.rest()
        self.trips.seen.clear()
        made = await work
        await self.rest()
        self.until_the_reply[call] = self.trips.of(COMMANDS)
        self.after_it[call] = self.trips.of("aftermath")
        self.told_by_the_stream[call] = self.trips.of("listening")
        told = [what for _, where, what in self.trips.seen if where == "events"]
        carried = [what for _, _, what in self.trips.seen if what.startswith("confirm messages/")]
        assert len(told) <= len(carried) + (call == "create"), "more than one publication for an event"
        print(call, self.until_the_reply[call], self.after_it[call], *self.trips.seen, sep="\n    ")
        return made

    async def rest(self) -> None:
        """Wait until nothing is owed."""
        await self._r.programs[0].context.follow_ups.finish(10)


async def test_each_call_costs_so_many_round_trips(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    trips = counted(monkeypatch)
    monkeypatch.setattr(FollowUpRunner, "joint_seconds", 10)  # the same on a machine that is busy
    async with running_wrappers(servers, wrappers=0) as r:
        with as_part(COMMANDS):
            # No sweep is to take up what is owed, however slow the machine is.
            program = await r.start(sweep_seconds=20, lease_seconds=60)
        await until_up(r.store, 1)
        await listens(program, await r.session())  # the broker's fixed queues are declared with the first
        account = Account(r, trips)
        session = await account.of("create", r.session())
        await listens(program, session)
        listened = trips.of("listening")
        await call(account, r, session)
        await deleted(trips, program, session)
    assert more_than(UNTIL_THE_REPLY, account.until_the_reply) == {}
    assert more_than(AFTER_IT, account.after_it) == {}
    of_others = {call: trips for call, trips in account.told_by_the_stream.items() if call != "create"}
    assert set(of_others.values()) == {(0, 0, 0)}, of_others
    assert not any(map(gt, listened, OF_EACH_WRAPPER_THAT_LISTENS)), listened


async def test_by_the_log_a_join_costs_no_declaration_and_one_append(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    trips = counted(monkeypatch)
    async with running_wrappers(servers, wrappers=0, commands="sharded") as r:
        with as_part(COMMANDS):
            program = await r.start(sweep_seconds=20, lease_seconds=60, mailboxes="log")
        session = await r.session()
        await program.context.follow_ups.finish(10)
        trips.seen.clear()
        await r.seat(session)
        await program.context.follow_ups.finish(10)
        database, broker, _media = zip(trips.of(COMMANDS), trips.of("aftermath"), strict=True)
    assert [one for one in trips.seen if one[2] == "insert log"] != []
    assert (sum(database), sum(broker)) == JOIN_BY_THE_LOG, trips.seen


def more_than(bounds: dict[str, Trips], found: dict[str, Trips]) -> dict[str, tuple[Trips, Trips]]:
    """What cost more of anything; less it may be, where two events were carried together."""
    assert found.keys() == bounds.keys()
    both = {call: (found[call], bounds[call]) for call in found}
    return {call: (cost, bound) for call, (cost, bound) in both.items() if any(map(gt, cost, bound))}


async def listens(program: Program, session: SessionId) -> None:
    """Wait until the wrapper consumes the session's queue."""

    async def consumed() -> bool:
        return session in program.listener.listening()

    await until(consumed)


async def deleted(trips: RoundTrips, program: Program, session: SessionId) -> None:
    """Who has heard of the close asks nothing when the broker ends its consumer."""

    async def forgotten() -> bool:
        return session not in program.listener.wanted()

    trips.seen.clear()
    await program.context.topology.delete_session(session)
    await until(forgotten)
    assert [one for one in trips.seen if one[0] not in BY_THE_CLOCK] == []


async def call(account: Account, r: RunningWrappers, session: SessionId) -> None:
    """Everything that may happen in one."""
    ann, bo = await r.seat(session), await account.of("join", r.seat(session))
    await account.of("leave", r.done(Leave(participant_id=await r.seat(session)), session))
    await account.of("publish, the session's first", r.publish(session, ann))
    await account.of("publish", r.publish(session, bo))
    viewer = (await account.of("subscribe", r.subscribe(session, bo, ann)))["id"]
    for n in range(3):
        given = [Candidate(candidate=f"candidate:{n} 1 udp {n + 1} 192.0.2.{n + 1} 9 typ host")]
        body = Candidates(participant_id=bo, connection_id=viewer, candidates=given)
        await account.of("candidate", fed(account, r, body, session))
    await account.of("set a key", r.done(SetState(key="slide", value=4), session))
    muted = UpdateParticipant(participant_id=ann, changes={"muted": {"audio": True}})
    await account.of("mute, one viewer", r.done(muted, session))
    await account.of("leave, two connections", r.done(Leave(participant_id=bo), session))
    cy = await r.seat(session)
    await r.subscribe(session, cy, ann)
    await account.of("close, two seats, two connections", r.done(CloseSession(), session))
    another = await r.session()
    await r.publish(another, await r.seat(another))
    await account.of("loss of an epoch, one connection", lose(r, another))


async def fed(account: Account, r: RunningWrappers, body: Candidates, session: SessionId) -> None:
    """As the api does it, which asks for no reply."""
    await r.post(body, session)

    async def was_fed() -> bool:
        return any("addIceCandidate" in what for _, _, what in account.trips.seen)

    await until(was_fed)


async def lose(r: RunningWrappers, session: SessionId) -> None:
    """As the sweep does it whose server was killed, without having to look for it."""
    context = r.programs[0].context
    found = await r.store.sessions.find(session)
    assert found is not None
    with as_part(COMMANDS):
        lost = await context.store.media.lose(found, "media-server-lost", pipeline_lives=False)
    assert lost is not None
    context.follow_ups.schedule(lost)
