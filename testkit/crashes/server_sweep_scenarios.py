"""Server sweep scenarios: calls to be moved off a media server that is drained, and objects that nobody refers to."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from callplane.contracts.commands import CloseSession, Publish
from callplane.contracts.ids import ConnectionId, SessionId, new_id
from callplane.store.connections import Wanted
from callplane.store.server_pool import ServerPool
from kurento_client import ClientError
from testkit.crashes.call_points import Port
from testkit.crashes.command_scenarios import call
from testkit.crashes.crash_trial import Prepare, Scenario, TrialServers
from testkit.crashes.crashable_wrapper import FAST, SERVER, CrashableWrapper
from testkit.crashes.leak_check import pipelines
from testkit.crashes.session_invariants import consistent, session_of
from wrapper.media.census import Census
from wrapper.media.port import EndpointOwner
from wrapper.sweeps.orphans import OrphanSweep
from wrapper.sweeps.server_draining import ServerDraining

ELSEWHERE = "elsewhere"
AT_ONCE = 1000
LEASE_SECONDS = 11


async def draining(b: TrialServers) -> Scenario:
    """The media server of a call is drained, and another has room.

    The order ends with the move: wrappers here reach no other server, so the call comes back to the same one.
    """
    c = await call(b)
    before = await consistent(b, c.session)
    database, orders = b.outside.store.database, ServerPool(b.outside.store.database)
    await b.outside.store.servers.register(ELSEWHERE, b.outside.media_server)
    await b.outside.store.servers.mark_reached(ELSEWHERE, b.survivor.id, "two")
    await database["media_servers"].update_one({"_id": SERVER}, {"$unset": {"moved": ""}})

    late: list[str] = []

    async def move(wrapper: CrashableWrapper) -> None:
        plan, passed = wrapper.points.plan, wrapper.points.passed
        try:
            # The turn of one that died in it is over after a second.
            while (await session_of(b, c.session)).epoch == before.epoch:
                await orders.change(SERVER, cordoned=None, draining=True)
                await ServerDraining(wrapper.context, AT_ONCE).sweep()
                await asyncio.sleep(0.02)
        finally:
            await orders.change(SERVER, cordoned=False, draining=None)
            late.extend(passed[plan.at - 1 : plan.at] if plan.how == "paused" else [])
        await wrapper.ledger.drain()

    async def verify(_: Any) -> None:
        await database["media_servers"].delete_one({"_id": ELSEWHERE})
        found = await consistent(b, c.session)
        # Once, and once more only by one that was stopped between its last question and the move.
        moves = found.epoch - before.epoch
        assert moves == 1 or (moves == 2 and late == ["sessions.find_one_and_update"])
        assert (found.version, found.streams) == (before.version + 2 * moves, [])
        assert found.media not in (None, before.media)
        await b.do(CloseSession(reason="over"), c.session)
        async for one in database["sessions"].find({}, {"_id": 1}):  # everybody else's was moved as well
            await b.quiet(one["_id"])

    return Scenario(c.session, move, verify)


async def orphans(b: TrialServers) -> Scenario:
    """A pipeline that nobody refers to, and beside a publisher's endpoint another with its tag."""
    c = await call(b)
    before = await consistent(b, c.session)
    assert before.media is not None
    media = b.survivor.context.media
    own = await b.outside.store.connections.find(c.published)
    assert own is not None
    left = await media.create_pipeline(SERVER, SessionId(new_id()), 1)
    owner = EndpointOwner(c.session, c.ann, c.published, 1, own.claims)
    await media.create_endpoint(before.media, owner, b.offers["sendonly"])

    async def verify(_: Any) -> None:
        assert await consistent(b, c.session) == before
        assert left.id not in await pipelines(b.outside.media_server)

    return Scenario(c.session, lambda w: _watched(b, w), verify)


async def late_commit(b: TrialServers) -> Scenario:
    """The endpoint of a handler that has stopped before its commit: what it does next must fail."""
    c = await call(b, publishing=False, watching=False)
    session = await session_of(b, c.session)
    await b.do(Publish(participant_id=c.bo, sdp_offer=b.offers["sendonly"]), c.session)  # for the pipeline
    pipeline = (await session_of(b, c.session)).media
    assert pipeline is not None
    connections, made = b.outside.store.connections, ConnectionId(new_id())
    await connections.offer(Wanted(made, c.session, c.ann, "publish"))
    claimed = await connections.claim(made, session.epoch, b.survivor.id, [b.survivor.id])
    assert claimed is not None
    owner = EndpointOwner(c.session, c.ann, made, session.epoch, claimed.claims)
    endpoint, answer = await b.survivor.context.media.create_endpoint(pipeline, owner, b.offers["sendonly"])

    async def verify(_: Any) -> None:
        await consistent(b, c.session)
        assert await connections.commit(claimed, b.survivor.id, endpoint, answer) is None

    return Scenario(c.session, lambda w: _watched(b, w), verify)


async def burial(b: TrialServers) -> Scenario:
    """A wrapper has died that reached the media server: it may not count as reaching it for ever."""
    c = await call(b)
    database, dead = b.outside.store.database, new_id()
    await b.outside.store.wrappers.renew(dead)
    await b.outside.store.servers.mark_reached(SERVER, dead, "one")
    past = {"$dateSubtract": {"startDate": "$$NOW", "unit": "second", "amount": 2 * FAST.lease_seconds}}
    await database["wrappers"].update_one({"_id": dead}, [{"$set": {"since": past}}])

    async def verify(_: Any) -> None:
        await consistent(b, c.session)
        assert await b.outside.store.servers.contacts() == {b.survivor.id}
        assert await database["wrappers"].count_documents({"_id": dead}) == 0

    async def judge(wrapper: CrashableWrapper) -> None:
        await wrapper.adoption.take_over()
        await wrapper.leases.forget_strays()  # who buried somebody may have died before it forgot

    return Scenario(c.session, judge, verify)


async def _watched(b: TrialServers, wrapper: CrashableWrapper) -> None:
    """One round of the monitor, as if who had it before had been silent for its whole lease."""
    servers = b.outside.store.database["media_servers"]
    past = {"$dateSubtract": {"startDate": "$$NOW", "unit": "second", "amount": LEASE_SECONDS}}
    await servers.update_one({"_id": SERVER}, [{"$set": {"monitor.at": past}}])
    census = Port(Census(wrapper.client), "census", wrapper.points, ClientError)
    pool = SimpleNamespace(servers={SERVER: SimpleNamespace(name=SERVER, housekeeping=wrapper.client, census=census)})
    await OrphanSweep(wrapper.context, cast(Any, pool), "callplane", 0).sweep()
    await wrapper.ledger.drain()


SERVER_SWEEP_SCENARIOS: dict[str, Prepare] = {
    "draining": draining,
    "orphans": orphans,
    "late-commit": late_commit,
    "burial": burial,
}
