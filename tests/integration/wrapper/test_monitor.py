"""Orphans on a media server: released when nothing refers to them, and nothing else with them."""

import asyncio

import pytest
from structlog.testing import capture_logs

from callplane.contracts.commands import Stop
from callplane.contracts.media import MediaRef
from callplane.store.connections import Wanted
from callplane.store.server_pool import ServerPool
from kurento_client import connect
from testkit.crashes.leak_check import ask, children, pipelines
from testkit.fakes.sdp import OFFER
from testkit.inprocess.wrappers import running_wrappers
from testkit.servers.servers import Servers
from testkit.servers.until import until
from wrapper.media.port import EndpointOwner


async def test_what_nothing_refers_to_is_released_and_what_is_used_stays(servers: Servers) -> None:
    async with running_wrappers(servers, sweep_seconds=0.2, orphan_seconds=1.0) as r:
        session = await r.session()
        ann = await r.seat(session)
        used = (await r.publish(session, ann))["id"]
        document = await r.store.sessions.find(session)
        assert document is not None
        assert document.media is not None
        foreign = (await ask(r.media(), "create", type="MediaPipeline"))["value"]
        port = r.programs[0].context.media
        owner = EndpointOwner(session, ann, "never-stored", 1, 1)
        lost_endpoint, _ = await port.create_endpoint(document.media, owner, OFFER)
        lost_pipeline = await port.create_pipeline(document.media.server, "no-such-session", 1)

        async def clean() -> bool:
            now = await pipelines(r.media())
            return lost_pipeline.id not in now and lost_endpoint.id not in await children(r.media(), document.media.id)

        await until(clean)
        assert set(await pipelines(r.media())) == {document.media.id, foreign}
        kept = await r.store.connections.find(used)
        assert kept is not None
        assert kept.endpoint is not None
        assert await children(r.media(), document.media.id) == [kept.endpoint.id]


@pytest.mark.long
async def test_what_is_being_released_is_no_orphan(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_wrappers(servers, wrappers=1, sweep_seconds=0.1, orphan_seconds=0.2) as r:
        session = await r.session()
        ann = await r.seat(session)
        made = [(await r.publish(session, ann))["id"] for _ in range(3)]
        media = r.programs[0].context.media
        release = media.release

        async def slowly(ref: MediaRef) -> None:
            await asyncio.sleep(1)  # many looks of the monitor
            await release(ref)

        monkeypatch.setattr(media, "release", slowly)
        document = await r.store.sessions.find(session)
        assert document is not None
        assert document.media is not None
        with capture_logs() as logs:
            for connection in made:
                await r.done(Stop(participant_id=ann, connection_id=connection), session)

            async def empty() -> bool:
                assert document.media is not None
                return await children(r.media(), document.media.id) == []

            await until(empty)
        assert [entry["object"] for entry in logs if entry["event"] == "orphan released"] == []


@pytest.mark.long
async def test_one_look_makes_no_orphan(servers: Servers) -> None:
    async with running_wrappers(servers, wrappers=1, sweep_seconds=0.1, orphan_seconds=2.0) as r:
        session = await r.session()
        ann = await r.seat(session)
        made = (await r.publish(session, ann))["id"]
        found = await r.store.connections.find(made)
        assert found is not None
        assert found.endpoint is not None
        await asyncio.sleep(2)  # old enough to be an orphan from the first look on
        # As a released connection whose chore was done, and whose endpoint goes with its pipeline.
        await r.store.database["connections"].update_one({"_id": made}, {"$set": {"state": "released"}})
        await asyncio.sleep(1)
        pipeline = found.endpoint.id.partition("/")[0]
        assert await children(r.media(), pipeline) == [found.endpoint.id]

        async def gone() -> bool:
            return await children(r.media(), pipeline) == []

        await until(gone)


async def test_operators_see_how_many_pipelines_a_server_has_and_which_process_it_is(servers: Servers) -> None:
    async with running_wrappers(servers, sweep_seconds=0.2) as r:
        session = await r.session()
        await r.publish(session, await r.seat(session))
        foreign = (await ask(r.media(), "create", type="MediaPipeline"))["value"]
        orders = ServerPool(r.store.database)

        async def counts(wanted: int) -> bool:
            return [one.pipelines for one in await orders.all()] == [wanted]

        await until(lambda: counts(2))
        await ask(r.media(), "release", object=foreign)
        await until(lambda: counts(1))
        [shown] = await orders.all()
        async with connect(r.media()) as client:
            await client.opened()
            assert shown.server_id == client.server_id


async def test_a_paused_claim_is_taken_away_before_its_endpoint_is_released(servers: Servers) -> None:
    async with running_wrappers(servers, wrappers=1, sweep_seconds=0.2, orphan_seconds=1.0) as r:
        session = await r.session()
        ann, bo = await r.seat(session), await r.seat(session)
        await r.publish(session, bo)
        document = await r.store.sessions.find(session)
        assert document is not None
        assert document.media is not None
        me = r.programs[0].id
        await r.store.connections.offer(Wanted("k", session, ann, "publish"))
        claimed = await r.store.connections.claim("k", 1, me, [me])
        assert claimed is not None
        owner = EndpointOwner(session, ann, "k", 1, 1)
        made, _ = await r.programs[0].context.media.create_endpoint(document.media, owner, OFFER)

        async def gone() -> bool:
            return made.id not in await children(r.media(), document.media.id)

        await until(gone)
        assert await r.store.connections.commit(claimed, me, MediaRef(made.server, made.id), "late") is None
