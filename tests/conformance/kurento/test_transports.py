"""Transports that a browser seldom asks for: one for each line, a lite agent's, and one whose DTLS fails."""

import re

import pytest

from mediaserver.server import assemble
from mediaserver.settings import MediaSettings, Settings
from testkit.clients.ice_lite_agent import PASSWORD, UFRAG, lite_agent
from testkit.clients.webrtc_peers import attach, peers
from testkit.fakes.raw_kurento import RawKurento, raw_kurento
from testkit.fakes.sdp import described, media

SETTINGS = Settings(port=0, media=MediaSettings(media_timeout=1.5, flow_timeout=1.0))
LOCAL = Settings(port=0, media=MediaSettings(addresses=("127.0.0.1",)))
STATES = ("DtlsConnectionStateChange", "ConnectionStateChanged", "MediaStateChanged", "IceComponentStateChanged")


def apart(offer: str) -> str:
    """Take the BUNDLE group out of an offer."""
    return re.sub("a=group:BUNDLE.*\r\n", "", offer)


def forged(offer: str) -> str:
    """Name a certificate that the peer has not."""
    return re.sub("(a=fingerprint:[a-z0-9-]+ )..:..", r"\g<1>00:00", offer)


def as_lite(offer: str) -> str:
    """Make an offer that of a lite agent."""
    lite = re.sub("(a=ice-ufrag|a=ice-pwd):.*\r\n", "", offer)
    return lite.replace("t=0 0\r\n", f"t=0 0\r\na=ice-lite\r\na=ice-ufrag:{UFRAG}\r\na=ice-pwd:{PASSWORD}\r\n")


async def connected(kurento: RawKurento, endpoint: str) -> None:
    """Wait until every transport of an endpoint is up."""
    await kurento.event("ConnectionStateChanged", endpoint, newState="CONNECTED")


async def test_lines_that_are_not_bundled_have_transports_of_their_own() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento, peers(2) as (publisher, viewer):
        pipeline = await kurento.pipeline()
        source, sink = await kurento.endpoint(pipeline), await kurento.endpoint(pipeline)
        publisher.publish()
        viewer.view()
        await kurento.subscribe(source, *STATES)
        await kurento.invoke(source, "connect", sink=sink)
        await attach(kurento, source, publisher, apart)
        await attach(kurento, sink, viewer, apart)
        await viewer.decoded()
        assert (publisher.transports, viewer.transports) == (2, 2)
        await connected(kurento, source)
        told = [frame["params"]["value"] for frame in kurento.events]
        ready = [each["data"].get("state") for each in told if "Connection" in each["type"]]
        assert ready.count("CONNECTED") == 2
        assert ready[-1] is None  # the whole is up when both are
        await kurento.event("MediaStateChanged", source, newState="CONNECTED")
        assert len(kurento.seen("IceGatheringDone", source)) == 1
        found = [data["candidate"] for data in kurento.seen("IceCandidateFound", source)]
        places = {each["candidate"]: each["sdpMLineIndex"] for each in found}
        assert len(places) == len(found)  # a candidate belongs to one line, as lines share nothing
        assert set(places.values()) == {0, 1}
        for states in ("getIceConnectionState", "getDtlsConnectionState", "getICECandidatePairs"):
            assert {each["streamId"] for each in await kurento.invoke(source, states)} == {"1", "2"}
        assert {each["type"] for each in (await kurento.invoke(sink, "getStats")).values()} == {"outboundrtp"}
        assert len(await kurento.invoke(sink, "getStats")) == 2
        await publisher.close()
        await kurento.event("MediaStateChanged", source, newState="DISCONNECTED")
        changes = kurento.seen("MediaStateChanged", source)
        assert [each["oldState"] for each in changes] == ["DISCONNECTED", "CONNECTED"]


async def test_a_lite_agent_is_met_by_one_that_takes_control() -> None:
    async with assemble(LOCAL) as server, raw_kurento(server.url) as kurento, lite_agent("127.0.0.1") as lite:
        endpoint = await kurento.endpoint(await kurento.pipeline())
        candidate = f"candidate:1 1 UDP 2130706431 127.0.0.1 {lite.port} typ host"
        offer = described(media("audio", candidate, mid="0"), bundles=("0",))
        await kurento.subscribe(endpoint, *STATES)
        await kurento.invoke(endpoint, "processOffer", offer=as_lite(offer))
        await kurento.invoke(endpoint, "gatherCandidates")
        await kurento.event("IceComponentStateChanged", endpoint, state="READY")
        assert lite.nominated.is_set()
        assert lite.roles == {"ICE-CONTROLLING"}


async def test_dtls_that_fails_is_told() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento, peers(1) as (publisher,):
        endpoint = await kurento.endpoint(await kurento.pipeline())
        publisher.publish()
        await kurento.subscribe(endpoint, *STATES)
        await attach(kurento, endpoint, publisher, forged)
        await kurento.event("DtlsConnectionStateChange", endpoint, state="FAILED")
        assert [each["state"] for each in await kurento.invoke(endpoint, "getDtlsConnectionState")] == ["FAILED"]
        assert await kurento.invoke(endpoint, "getConnectionState") == "DISCONNECTED"
        with pytest.raises(TimeoutError):
            await kurento.event("MediaStateChanged", endpoint, newState="CONNECTED", within=0.5)


async def test_candidates_that_came_before_the_offer_find_their_line() -> None:
    async with assemble(LOCAL) as server, raw_kurento(server.url) as kurento, lite_agent("127.0.0.1") as lite:
        endpoint = await kurento.endpoint(await kurento.pipeline())
        text = f"candidate:1 1 UDP 2130706431 127.0.0.1 {lite.port} typ host"
        early = {"candidate": text, "sdpMid": "v", "sdpMLineIndex": 1}
        await kurento.invoke(endpoint, "addIceCandidate", candidate=early)
        offer = described(media("audio", mid="a"), media("video", mid="v"))
        await kurento.subscribe(endpoint, *STATES)
        await kurento.invoke(endpoint, "processOffer", offer=as_lite(offer))
        await kurento.invoke(endpoint, "gatherCandidates")
        await kurento.event("IceComponentStateChanged", endpoint, state="READY", streamId=2)
        seen = [(each["streamId"], each["state"]) for each in kurento.seen("IceComponentStateChanged")]
        assert (1, "CONNECTING") not in seen
