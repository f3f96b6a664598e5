"""Sweep scenarios: what sweeps and adoption find, and must have made of it however often they were begun."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from callplane.contracts.commands import CloseSession, CreateSession, Join, Leave, Publish
from callplane.contracts.ids import CommandId, ConnectionId, SessionId, new_id
from callplane.contracts.shapes import Presence
from callplane.store.connections import Wanted
from callplane.store.seats import SeatGuard
from callplane.store.views import participant_view
from testkit.crashes.call_points import Points
from testkit.crashes.command_scenarios import Call, call
from testkit.crashes.crash_trial import Act, Prepare, Scenario, TrialServers, commanded
from testkit.crashes.crashable_wrapper import CrashableWrapper, crashable_wrapper
from testkit.crashes.leak_check import ask
from testkit.crashes.session_invariants import consistent, told_to
from wrapper.sweeps.lost_media import LostMedia
from wrapper.sweeps.lost_seats import LostSeats
from wrapper.sweeps.unconnected import NEVER, UnconnectedSweep

Sweep = Callable[[CrashableWrapper], Awaitable[None]]


def swept(sweep: Sweep) -> Act:
    """The work of a sweep: itself, then what it makes owed."""

    async def act(wrapper: CrashableWrapper) -> None:
        await sweep(wrapper)
        await wrapper.ledger.drain()

    return act


async def owed(b: TrialServers) -> Scenario:
    """Somebody left, and the wrapper that wrote it down has died since."""
    c = await call(b)
    assert await b.outside.store.seats.pull(c.session, c.ann, "left") is not None

    async def verify(_: Any) -> None:
        found = await consistent(b, c.session)
        assert [seat.id for seat in found.participants] == [c.bo]

    return Scenario(c.session, swept(lambda w: w.sweeps.owed()), verify)


async def adoption(b: TrialServers) -> Scenario:
    """A wrapper answered an offer, and died."""
    c = await call(b, publishing=False, watching=False)
    envelope = b.envelope(Publish(participant_id=c.ann, sdp_offer=b.offers["sendonly"]), c.session)
    async with crashable_wrapper(b.outside, Points()) as first:
        await commanded(envelope)(first)

    async def verify(_: Any) -> None:
        found = await consistent(b, c.session)
        [stream] = found.streams
        own = await b.outside.store.connections.find(stream.connection_id)
        assert own is not None
        assert own.owner == b.survivor.id
        # its candidates were found before the survivor heard it, and perhaps told to nobody
        told = [m for m in await told_to(b, c.session, c.ann) if m.type == "ice-candidate"]
        assert {m.data["candidate"]["sdpMid"] for m in told} == {"0"}, "the first of the bundle's two lines"

    async def adopt(wrapper: CrashableWrapper) -> None:
        await wrapper.adoption.take_over()
        await wrapper.adoption.resubscribe()

    return Scenario(c.session, swept(adopt), verify)


async def abandonment(b: TrialServers) -> Scenario:
    """An offer that nobody has acted for, for longer than its command can live."""
    c = await call(b, publishing=False, watching=False)
    made = ConnectionId(new_id())
    await b.outside.store.connections.offer(Wanted(made, c.session, c.ann, "publish"))
    await long_ago(b, "connections", made, 61)

    async def verify(_: Any) -> None:
        await consistent(b, c.session)
        own = await b.outside.store.connections.find(made)
        assert own is not None
        assert (own.state, own.reason) == ("released", "abandoned")

    return Scenario(c.session, swept(lambda w: w.adoption.release_abandoned()), verify)


async def lost_server(b: TrialServers) -> Scenario:
    """The media server of a call is another process now."""
    c = await call(b)
    before = await consistent(b, c.session)
    assert before.media is not None
    await ask(b.outside.media_server, "release", object=before.media.id)
    await b.outside.store.database["sessions"].update_one({"_id": c.session}, {"$set": {"server_id": "another"}})

    async def verify(_: Any) -> None:
        found = await consistent(b, c.session)
        assert (found.epoch, found.version, found.streams) == (2, before.version + 2, [])
        assert found.media not in (None, before.media)
        for connection in (c.published, c.watched):
            own = await b.outside.store.connections.find(connection)
            assert own is not None
            assert own.state == "released"

    return Scenario(c.session, swept(lambda w: w.sweeps.lost_servers.sweep()), verify)


async def lost_pipeline(b: TrialServers) -> Scenario:
    """Somebody found a pipeline lost that lives after all: it is given up, and released."""
    c = await call(b)
    before = await consistent(b, c.session)

    async def lose(wrapper: CrashableWrapper) -> None:
        wrapper.context.follow_ups.schedule(await wrapper.context.store.media.lose(before, "pipeline-lost"))

    async def verify(_: Any) -> None:
        found = await consistent(b, c.session)
        assert (found.epoch, found.version, found.streams) == (2, before.version + 2, [])
        assert found.media not in (None, before.media)

    return Scenario(c.session, swept(lose), verify)


async def tombstone(b: TrialServers) -> Scenario:
    """A session that was closed long ago."""
    c = await call(b)
    await b.do(CloseSession(reason="over"), c.session)
    await b.quiet(c.session)
    await consistent(b, c.session)

    async def forget(wrapper: CrashableWrapper) -> None:
        for _ in range(2 if b.outside.engine == "log" else 1):
            await wrapper.sweeps.tombstones.sweep()

    return Scenario(c.session, swept(forget), forgotten(b, c.session))


def forgotten(b: TrialServers, session: SessionId) -> Callable[[Any], Awaitable[None]]:
    """Nothing is left of a session."""

    async def verify(_: Any) -> None:
        store = b.outside.store.database
        for collection, owner in (("connections", "session_id"), ("attachments", "session_id"), ("log", "s")):
            assert await store[collection].count_documents({owner: session}) == 0
        assert await store["sessions"].count_documents({"_id": session}) == 0

    return verify


async def empty(b: TrialServers) -> Scenario:
    """A session that nobody came to."""
    session = SessionId((await b.do(CreateSession(empty_timeout=0)))["session"]["id"])
    return _deserted(b, session, "empty")


async def departed(b: TrialServers) -> Scenario:
    """A session that everybody left."""
    session = SessionId((await b.do(CreateSession(departure_timeout=0)))["session"]["id"])
    ann = (await b.do(Join(), session))["participant"]["id"]
    await b.do(Leave(participant_id=ann), session)
    return _deserted(b, session, "departed")


def _deserted(b: TrialServers, session: SessionId, reason: str) -> Scenario:
    async def verify(_: Any) -> None:
        found = await consistent(b, session)
        assert (found.status, found.reason) == ("closed", reason)

    return Scenario(session, swept(lambda w: w.sweeps.idle_sessions.sweep()), verify)


async def grace(b: TrialServers) -> Scenario:
    """A seat whose mailbox nobody reads, after its grace."""
    c = await call(b)
    before = await consistent(b, c.session)
    await long_ago(b, "attachments", c.ann, 901)

    async def verify(_: Any) -> None:
        found = await consistent(b, c.session)
        assert ([seat.id for seat in found.participants], found.version) == ([c.bo], before.version + 1)
        ended = await b.outside.store.attachments.read(c.ann)
        assert ended is not None
        assert (ended.state, ended.reason) == ("ended", "connection-lost")
        assert await b.outside.store.attachments.ended() == []

    return Scenario(c.session, swept(lambda w: LostSeats(w.context, w.leases).sweep()), verify)


async def drop(b: TrialServers) -> Scenario:
    """A publisher whose media failed, and has not healed within a grace."""
    c = await call(b)
    before = await consistent(b, c.session)
    await _failed(b, c)

    async def verify(_: Any) -> None:
        found = await consistent(b, c.session)
        # reconnecting, and the end of the stream
        assert (found.participants[0].state, found.version) == ("reconnecting", before.version + 2)
        own = await b.outside.store.connections.find(c.published)
        assert own is not None
        assert (own.state, own.reason) == ("released", "failed")

    return Scenario(c.session, swept(lambda w: LostMedia(w.context, 0).sweep()), verify)


async def verdict(b: TrialServers) -> Scenario:
    """A publisher to whom no path was found in time, and somebody who watches it."""
    c = await call(b)
    before = await consistent(b, c.session)
    await long_ago(b, "connections", c.published, 16)

    async def verify(_: Any) -> None:
        found = await consistent(b, c.session)
        assert (found.streams, found.version) == ([], before.version + 1)
        own = await b.outside.store.connections.find(c.published)
        assert own is not None
        assert (own.state, own.reason) == ("released", NEVER)
        watching = await b.outside.store.connections.find(c.watched)
        assert watching is not None
        assert watching.state == "ready", "its own time is not over"

    return Scenario(c.session, swept(lambda w: UnconnectedSweep(w.context, 15).sweep()), verify)


async def _failed(b: TrialServers, c: Call) -> None:
    for state in ("connected", "failed"):
        change = await b.outside.store.media_states.media_state(c.published, (None, "connected"), state)
        b.survivor.context.follow_ups.schedule(change)
        await b.survivor.ledger.drain()
    await long_ago(b, "connections", c.published, 901)


async def presence(b: TrialServers) -> Scenario:
    """Somebody who was away until a time that is over."""
    c = await call(b, publishing=False, watching=False)
    store = b.outside.store
    found = await consistent(b, c.session)
    seat = found.seat(c.ann)
    assert seat is not None
    said = {"show": "away", "until": store.clock.now() - timedelta(seconds=1)}
    guard = SeatGuard(CommandId(new_id()), store.clock.now() + timedelta(seconds=8))
    change = await store.seats.update(c.session, participant_view(found, seat), {"presence": said}, guard)
    assert change is not None
    before = change.document.version

    async def verify(_: Any) -> None:
        found = await consistent(b, c.session)
        seat = found.seat(c.ann)
        assert seat is not None
        assert (seat.presence, found.version) == (Presence(), before + 1)

    return Scenario(c.session, swept(lambda w: w.sweeps.ended_presences.sweep()), verify)


async def long_ago(b: TrialServers, collection: str, id_: str, seconds: int) -> None:
    """Its time began so much earlier."""
    past = {"$dateSubtract": {"startDate": "$since", "unit": "second", "amount": seconds}}
    await b.outside.store.database[collection].update_one({"_id": id_}, [{"$set": {"since": past}}])


SWEEP_SCENARIOS: dict[str, Prepare] = {
    "owed": owed,
    "adoption": adoption,
    "abandonment": abandonment,
    "lost-server": lost_server,
    "lost-pipeline": lost_pipeline,
    "tombstone": tombstone,
    "empty": empty,
    "departed": departed,
    "grace": grace,
    "drop": drop,
    "verdict": verdict,
    "presence": presence,
}
