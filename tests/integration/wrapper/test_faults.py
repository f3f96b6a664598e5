"""What one wrapper leaves undone another does: dead buses, dead owners, dead media servers, paused claims."""

import asyncio

from callplane.contracts.commands import Leave, Publish, UpdateSession
from callplane.contracts.ids import connection_made_by, new_id
from callplane.store.connections import Wanted
from callplane.store.documents import SessionDocument
from testkit.crashes.leak_check import children, pipelines
from testkit.inprocess.wrappers import RunningWrappers, offer, running_wrappers
from testkit.servers.servers import Servers
from testkit.servers.until import until
from wrapper.media.port import EndpointOwner


async def now(r: RunningWrappers, session: str) -> SessionDocument:
    """The session as it is."""
    found = await r.store.sessions.find(session)
    assert found is not None
    return found


async def test_what_a_dead_carrier_left_is_told_by_a_sweep(servers: Servers) -> None:
    async with running_wrappers(servers, sweep_seconds=0.2) as r:
        session = await r.session()
        ann = await r.seat(session)
        await r.seat(session)
        # Written by a process that died before it could publish or clean up: nobody was handed the change.
        await r.store.seats.pull(session, ann, "left")

        async def done() -> bool:
            document = await now(r, session)
            return not document.outbox and not document.chores and f"user.{ann}" not in await servers.vhost.queues()

        await until(done)


async def test_a_dead_wrappers_claim_is_taken_over_and_its_endpoint_released(servers: Servers) -> None:
    async with running_wrappers(servers) as r:
        session = await r.session()
        ann, bo = await r.seat(session), await r.seat(session)
        await r.publish(session, bo)
        media = (await now(r, session)).media
        assert media is not None
        # A wrapper claims, makes its endpoint, and dies before the commit.
        command = new_id()
        connection = connection_made_by(command)
        await r.store.connections.offer(Wanted(connection, session, ann, "publish"))
        claimed = await r.store.connections.claim(connection, 1, "dead", ["dead"])
        assert claimed is not None
        port = r.programs[0].context.media
        body = Publish(participant_id=ann, sdp_offer=await offer("sendonly"))
        orphan, _ = await port.create_endpoint(media, EndpointOwner(session, ann, connection, 1, 1), body.sdp_offer)
        made = (await r.done(body, session, command))["connection"]
        assert (made["id"], made["state"]) == (connection, "ready")

        async def released() -> bool:
            left = await children(r.media(), media.id)
            return orphan.id not in left and len(left) == 2

        await until(released)


async def test_a_woken_claim_holder_cannot_commit(servers: Servers) -> None:
    async with running_wrappers(servers) as r:
        session = await r.session()
        ann = await r.seat(session)
        command = new_id()
        connection = connection_made_by(command)
        await r.store.connections.offer(Wanted(connection, session, ann, "publish"))
        paused = await r.store.connections.claim(connection, 1, "paused", ["paused"])
        assert paused is not None
        made = (await r.done(Publish(participant_id=ann, sdp_offer=await offer("sendonly")), session, command))[
            "connection"
        ]
        found = await r.store.connections.find(connection)
        assert found is not None
        assert found.endpoint is not None
        assert await r.store.connections.commit(paused, "paused", found.endpoint, "late") is None
        again = await r.store.connections.find(connection)
        assert again is not None
        assert again.answer == made["sdp_answer"]


async def test_the_connections_of_a_wrapper_that_went_are_adopted(servers: Servers) -> None:
    async with running_wrappers(servers, wrappers=1, sweep_seconds=0.2, lease_seconds=0.5) as r:
        session = await r.session()
        ann = await r.seat(session)
        connection = (await r.publish(session, ann))["id"]
        survivor = await r.start(sweep_seconds=0.2, lease_seconds=0.5)
        await r.stop(0)

        async def adopted() -> bool:
            found = await r.store.connections.find(connection)
            return found is not None and found.owner == survivor.id

        await until(adopted)


async def test_a_lost_media_server_is_one_loss_and_the_session_goes_on_elsewhere(servers: Servers) -> None:
    async with running_wrappers(servers, media_servers=2, sweep_seconds=0.2) as r:
        session = await r.session()
        ann = await r.seat(session)
        connection = (await r.publish(session, ann))["id"]
        before = await now(r, session)
        assert before.media is not None
        [dead] = [m for m in r.machines.media_servers if before.media.server in m.url]
        await dead.kill()

        async def elsewhere() -> bool:
            document = await now(r, session)
            return document.epoch == 2 and document.media is not None and not document.chores

        await until(elsewhere)
        after = await now(r, session)
        assert after.media is not None
        assert after.media.server != before.media.server
        assert [seat.id for seat in after.participants] == [ann]
        assert after.streams == []
        # media-lost and media-ready, each once: two visible changes
        assert after.version == before.version + 2
        old = await r.store.connections.find(connection)
        assert old is not None
        assert old.state == "released"
        fresh = await r.publish(session, ann)
        assert fresh["epoch"] == 2
        [alive] = [m for m in r.machines.media_servers if after.media.server in m.url]
        there = after.media.id

        async def one_is_left() -> bool:  # who was not the first to make one releases it
            return await pipelines(alive.url) == [there]

        await until(one_is_left)


async def test_no_media_server_up_is_said_and_the_session_waits(servers: Servers) -> None:
    async with running_wrappers(servers, sweep_seconds=0.2) as r:
        session = await r.session()
        ann = await r.seat(session)
        [machine] = r.machines.media_servers
        await machine.kill()

        async def down() -> bool:
            return all(server.state == "down" for server in await r.store.servers.all())

        await until(down)
        refused = await r.ask(Publish(participant_id=ann, sdp_offer=await offer("sendonly")), session)
        assert refused.problem is not None
        assert (refused.problem.code, refused.problem.retry_after) == ("unavailable", 1)
        await r.done(UpdateSession(changes={"metadata": {"still": "here"}}), session)
        await r.done(Leave(participant_id=ann), session)


async def test_wrappers_that_come_and_go_listen_to_every_session(servers: Servers) -> None:
    async with running_wrappers(servers, wrappers=1) as r:
        sessions = [await r.session() for _ in range(5)]
        second = await r.start()
        late = await r.session()

        async def heard() -> bool:  # one whose queue was out of reach for a moment holds up no start
            return {*sessions, late} <= second.listener.listening()

        await until(heard)
        await r.stop(0)
        joined = await asyncio.gather(*(r.seat(session) for session in [*sessions, late]))
        assert len(set(joined)) == 6
