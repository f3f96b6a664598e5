"""Two aiortc peers over real ICE: what one publishes the other decodes."""

import asyncio

import pytest

from mediaserver.server import assemble
from mediaserver.settings import MediaSettings, Settings
from testkit.clients.webrtc_peers import attach, peers
from testkit.fakes.raw_kurento import raw_kurento
from testkit.servers.until import until

SETTINGS = Settings(port=0, media=MediaSettings(media_timeout=1.5, flow_timeout=1.0))
FLOWS = ("MediaFlowInStateChanged", "MediaFlowOutStateChanged", "MediaTranscodingStateChanged")


async def test_a_viewer_decodes_both_kinds() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento, peers(2) as (publisher, viewer):
        pipeline = await kurento.pipeline()
        source, sink = await kurento.endpoint(pipeline), await kurento.endpoint(pipeline)
        publisher.publish()
        viewer.view()
        await kurento.invoke(source, "connect", sink=sink)  # before either has negotiated
        await attach(kurento, source, publisher)
        await attach(kurento, sink, viewer)
        await viewer.decoded()
        stats = await kurento.invoke(sink, "getStats")
        assert {each["type"] for each in stats.values()} == {"outboundrtp"}
        stats = await kurento.invoke(source, "getStats", mediaType="VIDEO")
        (video,) = stats.values()
        assert video["type"] == "inboundrtp"
        assert video["packetsReceived"] > 0


async def test_a_viewer_that_comes_late_starts_at_a_key_frame() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento, peers(2) as (publisher, viewer):
        pipeline = await kurento.pipeline()
        source, sink = await kurento.endpoint(pipeline), await kurento.endpoint(pipeline)
        publisher.publish()
        viewer.view()
        await kurento.subscribe(source, *FLOWS)
        await attach(kurento, source, publisher)
        await kurento.event("MediaFlowOutStateChanged", source, mediaType="VIDEO", state="FLOWING")
        # aiortc makes a key frame by itself only every 100 s: this one has to be asked for
        await asyncio.sleep(0.5)
        await attach(kurento, sink, viewer)
        await kurento.invoke(source, "connect", sink=sink)
        await viewer.decoded(within=20)
        stats = await kurento.invoke(source, "getStats", mediaType="VIDEO")
        assert next(iter(stats.values()))["pliCount"] >= 1


async def test_a_loopback_and_a_change_of_source() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento, peers(2) as (first, second):
        pipeline = await kurento.pipeline()
        one, two = await kurento.endpoint(pipeline), await kurento.endpoint(pipeline)
        for peer, endpoint in ((first, one), (second, two)):
            peer.publish()
            await attach(kurento, endpoint, peer)
        await kurento.invoke(one, "connect", sink=one)
        await first.decoded()
        await kurento.subscribe(one, "ElementDisconnected")
        await kurento.invoke(two, "connect", sink=one)
        for nth in (1, 2, 3):
            await kurento.event("ElementDisconnected", one, nth=nth)
        await first.decoded()
        # aiortc would drop late packets: its jitter buffer follows the numbers, which must not have jumped
        assert await kurento.invoke(one, "isMediaFlowingIn", mediaType="VIDEO")


async def test_one_kind_only() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento, peers(2) as (publisher, viewer):
        pipeline = await kurento.pipeline()
        source, sink = await kurento.endpoint(pipeline), await kurento.endpoint(pipeline)
        publisher.publish()
        viewer.view()
        await attach(kurento, source, publisher)
        await attach(kurento, sink, viewer)
        await kurento.subscribe(sink, *FLOWS)
        await kurento.invoke(source, "connect", sink=sink, mediaType="AUDIO")
        await kurento.event("MediaFlowInStateChanged", sink, mediaType="AUDIO", state="FLOWING")
        with pytest.raises(TimeoutError):
            await viewer.decoded(within=1)

        async def is_heard() -> bool:
            return viewer.frames["audio"] > 10

        await until(is_heard)
        assert viewer.frames["video"] == 0


async def test_the_events_of_a_connection_in_their_order() -> None:
    kinds = (
        "IceComponentStateChanged",
        "NewCandidatePairSelected",
        "DtlsConnectionStateChange",
        "ConnectionStateChanged",
        "MediaStateChanged",
        "MediaSessionStarted",
        *FLOWS,
    )
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento, peers(2) as (publisher, viewer):
        pipeline = await kurento.pipeline()
        source, sink = await kurento.endpoint(pipeline), await kurento.endpoint(pipeline)
        publisher.publish()
        viewer.view()
        await kurento.subscribe(source, *kinds)
        await kurento.subscribe(sink, *kinds)
        await kurento.invoke(source, "connect", sink=sink)
        await attach(kurento, source, publisher)
        await attach(kurento, sink, viewer)
        await kurento.event("MediaStateChanged", source, newState="CONNECTED")
        await kurento.event("MediaStateChanged", sink, newState="CONNECTED")
        states = [(d["componentId"], d["state"]) for d in kurento.seen("IceComponentStateChanged", source)]
        assert states == [(2, "GATHERING"), (1, "GATHERING"), (1, "CONNECTING"), (1, "CONNECTED"), (1, "READY")]
        dtls = [d["state"] for d in kurento.seen("DtlsConnectionStateChange", source)]
        assert dtls == ["CONNECTING", "CONNECTED"]
        assert {d["mediaType"] for d in kurento.seen("MediaTranscodingStateChanged")} == {"AUDIO", "VIDEO"}
        assert await kurento.invoke(source, "getConnectionState") == "CONNECTED"
        assert await kurento.invoke(source, "getMediaState") == "CONNECTED"
        pairs = await kurento.invoke(source, "getICECandidatePairs")
        assert [type(p["streamId"]) for p in pairs] == [str]
        await publisher.close()
        await kurento.event("MediaStateChanged", source, newState="DISCONNECTED")
        await kurento.event("MediaFlowOutStateChanged", source, state="NOT_FLOWING", mediaType="VIDEO")
        await kurento.event("MediaFlowInStateChanged", sink, state="NOT_FLOWING", mediaType="VIDEO")
        # it is never taken back (protocol 10.3)
        assert await kurento.invoke(source, "getConnectionState") == "CONNECTED"


async def test_a_peer_that_vanishes_without_a_word() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento, peers(1) as (publisher,):
        pipeline = await kurento.pipeline()
        source = await kurento.endpoint(pipeline)
        publisher.publish()
        await kurento.subscribe(source, "MediaStateChanged", "DtlsConnectionStateChange")
        await attach(kurento, source, publisher)
        await kurento.event("MediaStateChanged", source, newState="CONNECTED")
        for transport in publisher.connection.getTransceivers()[0].sender.transport.transport._connection._protocols:
            transport.transport.abort()
        await kurento.event("MediaStateChanged", source, newState="DISCONNECTED")
        assert [d["state"] for d in kurento.seen("DtlsConnectionStateChange")] == ["CONNECTING", "CONNECTED"]


async def test_a_server_that_offers() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento, peers(1):
        pipeline = await kurento.pipeline()
        ours, theirs = await kurento.endpoint(pipeline), await kurento.endpoint(pipeline)
        for endpoint in (ours, theirs):
            await kurento.subscribe(endpoint, "ConnectionStateChanged", "IceCandidateFound", "IceGatheringDone")
        offer = await kurento.invoke(ours, "generateOffer")
        await kurento.invoke(ours, "processAnswer", answer=await kurento.invoke(theirs, "processOffer", offer=offer))
        for here, there in ((ours, theirs), (theirs, ours)):
            await kurento.invoke(here, "gatherCandidates")
            await kurento.event("IceGatheringDone", here)
            for found in kurento.seen("IceCandidateFound", here):
                await kurento.invoke(there, "addIceCandidate", candidate=found["candidate"])
        for endpoint in (ours, theirs):
            await kurento.event("ConnectionStateChanged", endpoint, newState="CONNECTED")
