"""The SDP state machine and what is answered (checklist 41, 42)."""

import re

from mediaserver.server import assemble
from mediaserver.settings import Settings
from testkit.fakes.raw_kurento import raw_kurento
from testkit.fakes.sdp import ANSWER, OFFER

SETTINGS = Settings(port=0)


def without(sdp: str, pattern: str) -> str:
    """Take the lines that match away."""
    return "".join(line for line in sdp.splitlines(keepends=True) if not re.match(pattern, line))


async def test_an_offer_is_answered_once() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        endpoint = await kurento.endpoint(await kurento.pipeline())
        assert await kurento.refused(endpoint, "getLocalSessionDescriptor") == 40202
        assert await kurento.refused(endpoint, "getRemoteSessionDescriptor") == 40203
        assert await kurento.refused(endpoint, "processAnswer", answer=ANSWER) == 40209
        await kurento.subscribe(endpoint, "MediaSessionStarted")
        answer = await kurento.invoke(endpoint, "processOffer", offer=OFFER)
        await kurento.event("MediaSessionStarted")
        assert await kurento.invoke(endpoint, "getLocalSessionDescriptor") == answer
        assert await kurento.invoke(endpoint, "getRemoteSessionDescriptor") == OFFER
        assert await kurento.refused(endpoint, "processOffer", offer=OFFER) == 40208
        assert await kurento.refused(endpoint, "processOffer", offer="garbage") == 40201
        assert await kurento.refused(endpoint, "processOffer", offer=None) == 40201
        assert await kurento.refused(endpoint, "generateOffer") == 40208
        assert await kurento.refused(endpoint, "processAnswer", answer=ANSWER) == 40209


async def test_our_own_offer_is_answered_once() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        endpoint = await kurento.endpoint(await kurento.pipeline())
        offer = await kurento.invoke(endpoint, "generateOffer")
        assert "a=group:BUNDLE audio0 video0" in offer
        assert "a=setup:actpass" in offer
        assert await kurento.refused(endpoint, "generateOffer") == 40208
        assert await kurento.refused(endpoint, "processOffer", offer=OFFER) == 40208
        assert await kurento.refused(endpoint, "getRemoteSessionDescriptor") == 40203
        assert await kurento.refused(endpoint, "processAnswer", answer="") == 40201
        assert await kurento.refused(endpoint, "processAnswer", answer="garbage") == 40201
        assert await kurento.invoke(endpoint, "processAnswer", answer=ANSWER) == offer
        assert await kurento.refused(endpoint, "processAnswer", answer=ANSWER) == 40210
        assert await kurento.refused(endpoint, "processAnswer", answer="garbage") == 40201


async def test_only_a_failed_offer_can_be_tried_again() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        pipeline = await kurento.pipeline()
        endpoint = await kurento.endpoint(pipeline)
        impossible = without(OFFER, "a=rtcp-mux")
        assert await kurento.refused(endpoint, "processOffer", offer=impossible) == 40205
        await kurento.invoke(endpoint, "processOffer", offer=OFFER)
        endpoint = await kurento.endpoint(pipeline)
        await kurento.invoke(endpoint, "generateOffer")
        assert await kurento.refused(endpoint, "processAnswer", answer=without(ANSWER, "a=rtpmap")) == 40206
        assert await kurento.refused(endpoint, "processAnswer", answer=ANSWER) == 40210


async def test_the_answer_takes_vp8_and_opus_only() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        pipeline = await kurento.pipeline()
        endpoint = await kurento.endpoint(pipeline)
        await kurento.invoke(endpoint, "setMaxVideoRecvBandwidth", maxVideoRecvBandwidth=700)
        answer = await kurento.invoke(endpoint, "processOffer", offer=OFFER)
        assert re.findall("^m=.*$", answer, re.M) == [
            "m=video 9 UDP/TLS/RTP/SAVPF 97\r",
            "m=audio 9 UDP/TLS/RTP/SAVPF 96\r",
        ]
        for line in ("a=group:BUNDLE 0 1", "a=setup:active", "a=mid:0", "a=rtcp-fb:97 nack pli", "b=AS:700"):
            assert f"{line}\r\n" in answer
        for absent in ("H264", "transport-cc", "candidate", "rtx"):
            assert absent not in answer
        assert answer.count("a=msid:") == 2
        only_h264 = re.sub("VP8", "VP9", OFFER)
        endpoint = await kurento.endpoint(pipeline)
        answer = await kurento.invoke(endpoint, "processOffer", offer=only_h264)
        assert "m=video 0 " in answer
        assert "a=group:BUNDLE 1\r\n" in answer
        endpoint = await kurento.endpoint(pipeline)
        answer = await kurento.invoke(endpoint, "processOffer", offer=re.sub("opus", "other", only_h264))
        assert re.findall("^m=\\S+ (\\d+)", answer, re.M) == ["0", "0"]
        await kurento.invoke(endpoint, "gatherCandidates")  # which has nothing to gather for
        assert await kurento.invoke(endpoint, "getIceConnectionState") == []


async def test_directions() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        pipeline = await kurento.pipeline()
        for flags, offered, expected in (
            ({}, "sendonly", "recvonly"),
            ({}, "recvonly", "sendonly"),
            ({}, "inactive", "inactive"),
            ({"recvonly": True}, "sendrecv", "recvonly"),
            ({"recvonly": False, "sendonly": True}, "sendrecv", "sendonly"),
        ):
            endpoint = await kurento.endpoint(pipeline, **flags)
            offer = OFFER.replace("a=sendrecv", f"a={offered}")
            answer = await kurento.invoke(endpoint, "processOffer", offer=offer)
            assert answer.count(f"a={expected}\r\n") == 2, (flags, offered)
