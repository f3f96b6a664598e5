"""Connections between elements (checklist 39, 40)."""

from mediaserver.server import assemble
from mediaserver.settings import Settings
from testkit.fakes.raw_kurento import RawKurento, raw_kurento

SETTINGS = Settings(port=0)


async def watched(kurento: RawKurento, pipeline: str) -> str:
    """Create an endpoint whose connections are told."""
    endpoint = await kurento.endpoint(pipeline)
    await kurento.subscribe(endpoint, "ElementConnected", "ElementDisconnected")
    return endpoint


def kinds(kurento: RawKurento, event: str, source: str) -> list[str]:
    """Return the kinds of media that an event of one element named, sorted."""
    return sorted(data["mediaType"] for data in kurento.seen(event, source))


async def test_all_kinds_or_one() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        pipeline = await kurento.pipeline()
        one, two = await watched(kurento, pipeline), await watched(kurento, pipeline)
        await kurento.invoke(one, "connect", sink=two)
        await kurento.event("ElementConnected", one, nth=3)
        assert kinds(kurento, "ElementConnected", one) == ["AUDIO", "DATA", "VIDEO"]
        assert kurento.seen("ElementConnected", two) == []
        await kurento.invoke(two, "connect", sink=one, mediaType="VIDEO")
        data = await kurento.event("ElementConnected", two)
        assert {k: data[k] for k in ("sink", "mediaType", "sourceMediaDescription", "sinkMediaDescription")} == {
            "sink": one,
            "mediaType": "VIDEO",
            "sourceMediaDescription": "default",
            "sinkMediaDescription": "default",
        }
        (connection,) = await kurento.invoke(one, "getSourceConnections")
        assert (connection["source"], connection["sink"], connection["type"]) == (two, one, "VIDEO")
        assert len(await kurento.invoke(one, "getSinkConnections")) == 3
        assert len(await kurento.invoke(one, "getSinkConnections", mediaType="AUDIO")) == 1


async def test_a_new_source_replaces_the_old() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        pipeline = await kurento.pipeline()
        old, new, sink = [await watched(kurento, pipeline) for _ in range(3)]
        await kurento.invoke(old, "connect", sink=sink)
        await kurento.invoke(new, "connect", sink=sink, mediaType="AUDIO")
        await kurento.event("ElementDisconnected", old)
        assert kinds(kurento, "ElementDisconnected", old) == ["AUDIO"]
        sources = {c["type"]: c["source"] for c in await kurento.invoke(sink, "getSourceConnections")}
        assert sources == {"AUDIO": new, "VIDEO": old, "DATA": old}
        assert len(await kurento.invoke(old, "getSinkConnections")) == 2


async def test_what_may_be_connected() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        pipeline, foreign = await kurento.pipeline(), await kurento.pipeline()
        one, two = await watched(kurento, pipeline), await kurento.endpoint(foreign)
        answer = await kurento.call("invoke", object=one, operation="connect", operationParams={"sink": two})
        assert answer["error"]["code"] == 40004
        assert answer["error"]["message"] == "Media elements do not share pipeline"
        assert await kurento.refused(one, "connect", sink="gone") == 40101
        assert await kurento.refused(one, "connect", sink=pipeline) == -32603  # the real one dies of it
        assert await kurento.refused(one, "connect") == 40001
        await kurento.invoke(one, "connect", sink=one)
        await kurento.invoke(one, "connect", sink=one)
        await kurento.event("ElementConnected", one, nth=6)
        await kurento.event("ElementDisconnected", one, nth=3)
        assert kinds(kurento, "ElementDisconnected", one) == ["AUDIO", "DATA", "VIDEO"], "the same again interrupts"


async def test_optional_arguments_obey_the_prefix_rule() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        one = await watched(kurento, await kurento.pipeline())
        await kurento.invoke(one, "connect", sink=one, sinkMediaDescription="x")
        await kurento.event("ElementConnected", one, nth=3)
        assert {d["sinkMediaDescription"] for d in kurento.seen("ElementConnected", one)} == {"default"}


async def test_disconnecting() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        pipeline = await kurento.pipeline()
        one, two = await watched(kurento, pipeline), await watched(kurento, pipeline)
        await kurento.invoke(one, "disconnect", sink=two)
        await kurento.event("ElementDisconnected", one, nth=3)
        await kurento.invoke(one, "connect", sink=two)
        await kurento.invoke(one, "disconnect", sink=two, mediaType="DATA")
        await kurento.event("ElementDisconnected", one, nth=4)
        assert {c["type"] for c in await kurento.invoke(two, "getSourceConnections")} == {"AUDIO", "VIDEO"}
        await kurento.done("release", object=two)
        await kurento.event("ElementDisconnected", one, nth=6)
        assert await kurento.invoke(one, "getSinkConnections") == []
