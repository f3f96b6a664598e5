"""Hubs, junctions, players and recorders (checklist 50, 51, 53), and media through those that hand it on."""

from typing import Any

import pytest

from mediaserver.server import assemble
from mediaserver.settings import MediaSettings, Settings
from testkit.clients.webrtc_peers import TestPeer, attach, peers
from testkit.fakes.raw_kurento import RawKurento, raw_kurento

SETTINGS = Settings(port=0, media=MediaSettings(flow_timeout=0.5))
TO_PORTS = ["Composite", "Dispatcher", "DispatcherOneToMany"]


async def made(kurento: RawKurento, kind: str, pipeline: str, **given: Any) -> str:
    """Create an object of a pipeline."""
    return str(await kurento.value("create", type=kind, constructorParams={"mediaPipeline": pipeline, **given}))


async def port(kurento: RawKurento, hub: str) -> str:
    """Create a port of a hub."""
    return str(await kurento.value("create", type="HubPort", constructorParams={"hub": hub}))


@pytest.mark.parametrize("kind", TO_PORTS)
async def test_a_hub_and_its_ports(kind: str) -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        pipeline = await kurento.pipeline()
        hub = await made(kurento, kind, pipeline)
        one, two = await port(kurento, hub), await port(kurento, hub)
        assert one.startswith(f"{pipeline}/")
        assert one.rpartition("/")[0] == hub
        assert await kurento.invoke(one, "getParent") == hub
        assert await kurento.invoke(one, "getMediaPipeline") == pipeline
        assert await kurento.invoke(hub, "getChildren") == sorted([one, two])
        described = await kurento.done("describe", object=one)
        assert described["hierarchy"] == ["kurento.MediaElement", "kurento.MediaObject"]
        described = await kurento.done("describe", object=hub)
        assert described["hierarchy"] == ["kurento.Hub", "kurento.MediaObject"]
        endpoint = await kurento.endpoint(pipeline)
        await kurento.subscribe(endpoint, "ElementConnected", "ElementDisconnected")
        await kurento.invoke(endpoint, "connect", sink=one)
        await kurento.event("ElementConnected", endpoint, nth=3, sink=one)
        assert len(await kurento.invoke(one, "getSourceConnections")) == 3
        assert await kurento.refused(endpoint, "connect", sink=hub) == -32603  # a hub is no element
        wrong = {"mediaPipeline": pipeline}
        assert await kurento.code("create", type="HubPort", constructorParams=wrong) == 40001
        assert await kurento.code("create", type="HubPort", constructorParams={"hub": "gone"}) == 40101
        assert await kurento.code("create", type=kind, constructorParams={"mediaPipeline": "gone"}) == 40101
        await kurento.done("release", object=hub)
        await kurento.event("ElementDisconnected", endpoint, nth=3, sink=one)
        assert await kurento.refused(two, "getName") == 40101


async def test_a_dispatcher_knows_its_own_ports() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        pipeline = await kurento.pipeline()
        hubs = [await made(kurento, "Dispatcher", pipeline), await made(kurento, "DispatcherOneToMany", pipeline)]
        own, foreign = await port(kurento, hubs[0]), await port(kurento, hubs[1])
        assert await kurento.refused(hubs[0], "connect", source=own) == 40001
        assert await kurento.refused(hubs[0], "connect", source=own, sink="gone") == 40101
        assert await kurento.refused(hubs[0], "connect", source=own, sink=foreign) == 40004
        assert await kurento.invoke(hubs[0], "connect", source=own, sink=own) is None
        assert await kurento.invoke(hubs[1], "setSource", source=foreign) is None
        assert await kurento.invoke(hubs[1], "removeSource") is None
        assert await kurento.refused(hubs[1], "connect", source=own, sink=own) == 40008


async def publishing(kurento: RawKurento, pipeline: str, peer: TestPeer) -> str:
    """Publish a picture and silence, and return the endpoint."""
    endpoint = await kurento.endpoint(pipeline)
    peer.publish()
    await attach(kurento, endpoint, peer)
    return endpoint


async def test_media_through_junction_and_hubs_and_a_change_of_source() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento, peers(3) as (first, second, viewer):
        pipeline = await kurento.pipeline()
        junction = await made(kurento, "PassThrough", pipeline)
        to_all = await made(kurento, "DispatcherOneToMany", pipeline)
        by_name = await made(kurento, "Dispatcher", pipeline)
        entry, other, way_out = [await port(kurento, to_all) for _ in range(3)]
        entered, leaves = await port(kurento, by_name), await port(kurento, by_name)
        sink = await kurento.endpoint(pipeline)
        await kurento.invoke(to_all, "setSource", source=entry)
        await kurento.invoke(by_name, "connect", source=entered, sink=leaves)
        for here, there in ((junction, entry), (way_out, entered), (leaves, sink)):
            await kurento.invoke(here, "connect", sink=there)
        source = await publishing(kurento, pipeline, first)
        await kurento.invoke(await publishing(kurento, pipeline, second), "connect", sink=other)
        viewer.view()
        await attach(kurento, sink, viewer)
        await kurento.invoke(source, "connect", sink=junction)
        await viewer.decoded()  # which needs a key frame that was asked for through all of them
        assert await kurento.invoke(leaves, "isMediaFlowingOut", mediaType="VIDEO")
        assert not await kurento.invoke(entry, "isMediaFlowingOut", mediaType="VIDEO")
        await kurento.invoke(to_all, "setSource", source=other)
        await viewer.decoded()  # the other publisher's
        await kurento.subscribe(sink, "MediaFlowInStateChanged")
        await kurento.invoke(to_all, "removeSource")
        await kurento.event("MediaFlowInStateChanged", sink, state="NOT_FLOWING", mediaType="VIDEO")
        await kurento.invoke(to_all, "setSource", source=other)
        await viewer.decoded()  # the same again, from a new key frame
        await kurento.done("release", object=other)
        await kurento.event("MediaFlowInStateChanged", sink, state="NOT_FLOWING", mediaType="VIDEO", nth=2)


async def test_elements_in_a_circle() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        pipeline = await kurento.pipeline()
        one, two = await made(kurento, "PassThrough", pipeline), await made(kurento, "PassThrough", pipeline)
        endpoint = await kurento.endpoint(pipeline)
        for here, there in ((one, two), (two, one), (one, endpoint)):
            await kurento.invoke(here, "connect", sink=there)
        assert await kurento.invoke(endpoint, "requestKeyframe") is None
        assert await kurento.invoke(two, "disconnect", sink=one) is None


async def test_a_player_without_media() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        pipeline = await kurento.pipeline()
        player = await made(kurento, "PlayerEndpoint", pipeline, uri="file:///no/such/file.webm")
        assert await kurento.invoke(player, "getUri") == "file:///no/such/file.webm"
        assert await kurento.invoke(player, "getState") == "STOP"
        assert (await kurento.invoke(player, "getVideoInfo"))["__type__"] == "VideoInfo"
        assert await kurento.refused(player, "setPosition", position=1000) == 40700
        assert await kurento.refused(player, "setUri", uri="x") == 40008
        await kurento.subscribe(player, "Error", "EndOfStream", "UriEndpointStateChanged")
        assert await kurento.invoke(player, "play") is None
        error = await kurento.event("Error", player, type="INVALID_URI")
        assert (error["description"], error["errorCode"]) == ("Invalid URI", 0)
        for operation in ("pause", "stop"):
            assert await kurento.invoke(player, operation) is None
        sink = await kurento.endpoint(pipeline)
        await kurento.invoke(player, "connect", sink=sink)
        assert len(await kurento.invoke(sink, "getSourceConnections")) == 3
        assert (
            await kurento.code("create", type="PlayerEndpoint", constructorParams={"mediaPipeline": pipeline}) == 40001
        )
        playable = await made(kurento, "PlayerEndpoint", pipeline, uri=f"file://{__file__}")
        await kurento.subscribe(playable, "Error")
        await kurento.invoke(playable, "play")
        await kurento.event("Error", playable, type="STREAM_ERROR_DECODE")  # our own word: it plays nothing


async def test_a_recorder_says_that_it_records_nothing() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        pipeline = await kurento.pipeline()
        recorder = await made(kurento, "RecorderEndpoint", pipeline, uri="rec.webm", mediaProfile="MP4")
        assert await kurento.invoke(recorder, "getUri") == "file:///var/lib/kurento/rec.webm"
        await kurento.subscribe(recorder, "Error", "Recording", "Paused", "Stopped", "UriEndpointStateChanged")
        await kurento.invoke(await kurento.endpoint(pipeline), "connect", sink=recorder)
        for operation in ("record", "pause", "stop", "stopAndWait"):
            assert await kurento.invoke(recorder, operation) is None
        await kurento.event("Error", recorder, type="RESOURCE_ERROR_WRITE")
        for profile, code in (("KURENTO_SPLIT_RECORDER", 40107), ("nonsense", 40001)):
            given = {"mediaPipeline": pipeline, "uri": "x", "mediaProfile": profile}
            assert await kurento.code("create", type="RecorderEndpoint", constructorParams=given) == code
