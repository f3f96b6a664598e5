"""References, expiry and release (checklist 29-36)."""

import asyncio
import time

from mediaserver.server import assemble
from mediaserver.settings import Settings
from testkit.fakes.raw_kurento import raw_kurento

PERIOD = 0.4
SETTINGS = Settings(port=0, gc_period=PERIOD)
LASTING = Settings(port=0)
MANAGER = "manager_ServerManager"


async def test_a_session_without_a_connection_expires_in_time() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url, 9000) as watcher:
        await watcher.subscribe(MANAGER, "ObjectDestroyed")
        async with raw_kurento(server.url) as kurento:
            pipeline = await kurento.pipeline()
            session = kurento.session
        left = time.monotonic()
        await watcher.event("ObjectDestroyed", objectId=pipeline, within=20 * PERIOD)
        assert time.monotonic() - left >= 0.5 * PERIOD
        async with raw_kurento(server.url, 1000) as again:
            assert await again.code("connect", sessionId=session) == 40007
            assert await again.refused(pipeline, "getName") == 40101


async def test_an_idle_connection_keeps_its_session() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        pipeline = await kurento.pipeline()
        await asyncio.sleep(4 * PERIOD)  # nothing to wait for: that nothing happens is the point
        assert await kurento.invoke(pipeline, "getName") == pipeline


async def test_shared_objects_survive_their_creator() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url, 9000) as survivor:
        await survivor.subscribe(MANAGER, "ObjectDestroyed")
        async with raw_kurento(server.url) as creator:
            shared, own = await creator.pipeline(), await creator.pipeline()
            await survivor.done("describe", object=shared)
        await survivor.event("ObjectDestroyed", objectId=own, within=20 * PERIOD)
        assert await survivor.invoke(shared, "getName") == shared
        assert len(survivor.seen("ObjectDestroyed")) == 1


async def test_describing_a_pipeline_holds_only_later_children() -> None:
    async with assemble(LASTING) as server, raw_kurento(server.url) as creator, raw_kurento(server.url, 9000) as other:
        pipeline = await creator.pipeline()
        before = await creator.endpoint(pipeline)
        await other.done("describe", object=pipeline)
        after = await creator.endpoint(pipeline)
        await creator.done("closeSession")
        assert await other.invoke(pipeline, "getChildren") == [after]
        assert await other.refused(before, "getName") == 40101


async def test_a_reference_to_a_child_keeps_its_pipeline() -> None:
    async with assemble(LASTING) as server, raw_kurento(server.url) as creator, raw_kurento(server.url, 9000) as other:
        pipeline = await creator.pipeline()
        endpoint = await creator.endpoint(pipeline)
        await other.subscribe(endpoint, "Error")
        await creator.done("closeSession")
        assert await other.invoke(endpoint, "getParent") == pipeline
        assert await other.invoke(pipeline, "getParent") is None


async def test_an_old_session_id_is_recreated_by_use() -> None:
    async with assemble(LASTING) as server, raw_kurento(server.url) as kurento:
        answer = await kurento.call("create", type="MediaPipeline", sessionId="from-a-former-process")
        assert answer["result"]["sessionId"] == "from-a-former-process"
        async with raw_kurento(server.url, 9000) as again:
            assert "result" in await again.call("connect", sessionId="from-a-former-process")


async def test_closing_a_session() -> None:
    async with assemble(LASTING) as server, raw_kurento(server.url) as kurento, raw_kurento(server.url, 9000) as other:
        shared, own = await kurento.pipeline(), await kurento.pipeline()
        await other.done("describe", object=shared)
        await kurento.done("closeSession")
        assert await other.invoke(MANAGER, "getPipelines") == [shared]
        assert await kurento.refused(own, "getName") == 40101
        endpoint = await other.endpoint(shared)
        await kurento.done("describe", object=endpoint)
        second = await kurento.pipeline()
        assert await kurento.done("closeSession", release=True) is None
        for gone in (shared, endpoint, second):
            assert await other.refused(gone, "getName") == 40101
        assert await other.invoke(MANAGER, "getPipelines") == []
        answer = await kurento.call("closeSession", sessionId="unknown")
        assert answer["result"] is None


async def test_release_is_for_everybody() -> None:
    async with assemble(LASTING) as server, raw_kurento(server.url) as kurento, raw_kurento(server.url, 9000) as other:
        pipeline = await kurento.pipeline()
        endpoint = await kurento.endpoint(pipeline)
        await other.done("describe", object=endpoint)
        await other.done("release", object=pipeline)
        for gone in (pipeline, endpoint):
            assert await kurento.refused(gone, "getName") == 40101
        for harmless in (pipeline, "unknown", MANAGER):
            assert "result" in await kurento.call("release", object=harmless)
        assert await kurento.invoke(MANAGER, "getName") == MANAGER


async def test_explicit_references() -> None:
    async with assemble(LASTING) as server, raw_kurento(server.url) as kurento, raw_kurento(server.url, 9000) as other:
        pipeline = await kurento.pipeline()
        endpoint = await kurento.endpoint(pipeline)
        assert await other.code("ref", object=endpoint) == -32000  # it mints no session
        await other.done("connect")
        await other.done("ref", object=endpoint)
        await kurento.done("unref", object=pipeline)
        assert await other.invoke(endpoint, "getName") == endpoint
        await other.done("unref", object=endpoint)
        assert await other.refused(endpoint, "getName") == 40101
        assert await other.invoke(pipeline, "getName") == pipeline
        await other.done("unref", object=pipeline)
        assert await other.refused(pipeline, "getName") == 40101
        assert await kurento.code("ref", object="unknown") == 40101
        assert "result" in await kurento.call("unref", object="unknown")
        assert await kurento.code("keepAlive", sessionId="unknown") == 40007


async def test_keep_alive_from_another_connection() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url, 9000) as keeper:
        async with raw_kurento(server.url) as kurento:
            pipeline = await kurento.pipeline()
            session = kurento.session
        for _ in range(8):
            await asyncio.sleep(PERIOD / 2)
            assert "result" in await keeper.call("keepAlive", sessionId=session)
        assert await keeper.invoke(pipeline, "getName") == pipeline
