"""Lost clients on real servers: the timer, the grace, the way back, and media that is restarted in place."""

import asyncio

from callplane.contracts.commands import Join, Publish
from callplane.contracts.ids import ParticipantId
from callplane.store.documents import SessionDocument
from testkit.crashes.leak_check import ask
from testkit.inprocess.mailbox_reader import read_for
from testkit.inprocess.wrappers import RunningWrappers, offer, running_wrappers
from testkit.servers.servers import Servers
from testkit.servers.until import until

FAST = {"sweep_seconds": 0.1, "lease_seconds": 0.3, "drop_seconds": 0.3}
GRACE = 6
"""Where a seat has to outlive something first: longer than a busy machine stands still."""


async def now(r: RunningWrappers, session: str) -> SessionDocument:
    """The session as it is."""
    found = await r.store.sessions.find(session)
    assert found is not None
    return found


async def told(r: RunningWrappers, connection: str, *states: str) -> None:
    """What the media server would say of a connection's media, said in its place."""
    for state in states:
        assert await r.store.media_states.media_state(connection, (None, "connected", "failed"), state) is not None


async def test_a_seat_that_nobody_reads_for_goes_once_after_its_grace(servers: Servers) -> None:
    async with running_wrappers(servers, **FAST) as r:
        session = await r.session(grace=1, departure_timeout=60)
        before = await now(r, session)
        ann = await r.seat(session)

        async def gone() -> bool:
            return not (await now(r, session)).participants

        await until(gone)
        assert (await now(r, session)).version == before.version + 2, "it sat down, and went once"
        attachment = await r.store.attachments.read(ParticipantId(ann))
        assert attachment is not None
        assert (attachment.state, attachment.reason) == ("ended", "connection-lost")
        late = await r.ask(Join(participant_id=ann), session)
        assert late.problem is not None
        assert (late.problem.code, late.problem.reason) == ("join-again", "connection-lost")

        async def clean() -> bool:
            return f"user.{ann}" not in await servers.vhost.queues()

        await until(clean)


async def test_media_that_was_never_heard_keeps_no_seat(servers: Servers) -> None:
    async with running_wrappers(servers, **FAST) as r:
        session = await r.session(grace=GRACE, departure_timeout=60)
        ann = await r.seat(session)
        # Who goes between the handshake and the first RTCP: no event will ever say that it is over.
        await told(r, (await r.publish(session, ann))["id"], "connected")

        async def gone() -> bool:
            return not (await now(r, session)).participants

        await until(gone)


async def test_failed_media_is_told_after_the_timer_and_released_after_the_grace(servers: Servers) -> None:
    async with running_wrappers(servers, **FAST) as r:
        session = await r.session(grace=GRACE)
        ann = await r.seat(session)
        async with read_for(r.store, ann):
            connection = (await r.publish(session, ann))["id"]
            await told(r, connection, "connected", "failed")
            heard: list[str] = []

            async def back() -> bool:
                heard.extend(m["type"] for m in await r.mailbox(ann))
                return "participant-reconnected" in heard

            await until(back)
            assert heard.index("participant-reconnecting") < heard.index("participant-reconnected")
            assert (await now(r, session)).participants[0].state == "joined"

            async def released() -> bool:
                found = await r.store.connections.find(connection)
                return found is not None and found.state == "released" and not (await now(r, session)).streams

            await until(released)


async def test_media_that_heals_in_time_is_never_told(servers: Servers) -> None:
    drop = float(GRACE)
    async with running_wrappers(servers, **FAST | {"drop_seconds": drop}) as r:
        session = await r.session(grace=60)
        ann = await r.seat(session)
        connection = (await r.publish(session, ann))["id"]
        before = await now(r, session)
        await told(r, connection, "connected", "failed", "connected")
        assert await r.store.media_states.untold(0) == []
        await asyncio.sleep(drop + 0.5)  # past the timer: nothing may happen, which no event can tell
        after = await now(r, session)
        assert (after.version, after.participants[0].state) == (before.version, "joined")


async def test_one_participants_media_is_restarted_without_a_new_negotiation_of_others(servers: Servers) -> None:
    async with running_wrappers(servers) as r:
        session = await r.session()
        ann, bo = await r.seat(session), await r.seat(session)
        old = (await r.publish(session, ann))["id"]
        viewer = await r.store.connections.find((await r.subscribe(session, bo, ann))["id"])
        assert viewer is not None
        assert viewer.endpoint is not None
        body = Publish(participant_id=ann, sdp_offer=await offer("sendonly"), replaces=old)
        new = (await r.done(body, session))["connection"]["id"]
        assert [stream.connection_id for stream in (await now(r, session)).streams] == [new]
        fresh = await r.store.connections.find(new)
        assert fresh is not None
        assert fresh.endpoint is not None
        sink, source = viewer.endpoint.id, fresh.endpoint.id

        async def moved() -> bool:
            answer = await ask(r.media(), "invoke", object=sink, operation="getSourceConnections")
            return {data["source"] for data in answer["value"]} == {source}

        await until(moved)

        async def released() -> bool:
            found = await r.store.connections.find(old)
            return found is not None and found.state == "released" and not found.chores

        await until(released)
        assert (await now(r, session)).participants[0].id == ann
        foreign = await r.ask(Publish(participant_id=bo, sdp_offer=await offer("sendonly"), replaces=new), session)
        assert foreign.problem is not None
        assert foreign.problem.code == "not-found"
