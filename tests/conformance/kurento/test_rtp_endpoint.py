"""Plain RTP: what is answered, and media from one endpoint's ports to another's (protocol 9.8)."""

import re
import socket

import pytest

from mediaserver.server import assemble
from mediaserver.settings import MediaSettings, Settings
from testkit.clients.webrtc_peers import attach, peers
from testkit.fakes.raw_kurento import RawKurento, raw_kurento
from testkit.fakes.sdp import PLAIN

SETTINGS = Settings(port=0, media=MediaSettings(flow_timeout=0.5))
LOCAL = Settings(port=0, media=MediaSettings(addresses=("127.0.0.1",)))


async def endpoint_of(kurento: RawKurento, pipeline: str, **given: object) -> str:
    """Create an RTP endpoint."""
    return str(
        await kurento.value("create", type="RtpEndpoint", constructorParams={"mediaPipeline": pipeline, **given})
    )


async def test_a_plain_offer_is_answered() -> None:
    async with assemble(LOCAL) as server, raw_kurento(server.url) as kurento:
        endpoint = await endpoint_of(kurento, await kurento.pipeline())
        await kurento.subscribe(endpoint, "ConnectionStateChanged", "MediaSessionStarted")
        answer = await kurento.invoke(endpoint, "processOffer", offer=PLAIN)
        await kurento.event("ConnectionStateChanged", endpoint, newState="CONNECTED")
        await kurento.event("MediaSessionStarted", endpoint)
        heads = re.findall("(?m)^m=(\\S+) (\\d+) (\\S+) (\\d+)", answer)
        assert [(kind, profile, number) for kind, _, profile, number in heads] == [
            ("audio", "RTP/AVP", "98"),
            ("video", "RTP/AVPF", "100"),
        ]
        ports = [int(port) for _, port, _, _ in heads]
        assert [port % 2 for port in ports] == [0, 0]
        assert answer.count("c=IN IP4 127.0.0.1\r\n") == 2
        assert [f"a=rtcp:{port + 1} IN IP4 127.0.0.1" in answer for port in ports] == [True, True]
        assert re.findall("a=rtcp-fb:.*", answer) == ["a=rtcp-fb:100 nack pli\r"]
        for absent in ("ice-", "fingerprint", "setup", "mux", "group"):
            assert absent not in answer
        assert await kurento.invoke(endpoint, "getLocalSessionDescriptor") == answer
        assert await kurento.refused(endpoint, "processOffer", offer=PLAIN) == 40208
        assert await kurento.invoke(endpoint, "getConnectionState") == "CONNECTED"
        await kurento.done("release", object=endpoint)
        for port in ports:  # they are free again
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.bind(("127.0.0.1", port))


async def test_what_is_not_there_to_be_taken() -> None:
    async with assemble(LOCAL) as server, raw_kurento(server.url) as kurento:
        pipeline = await kurento.pipeline()
        for offer in (
            PLAIN.replace("VP8", "H264").replace("opus/48000", "AMR/8000"),
            PLAIN.replace("RTP/AVP", "RTP/SAVP"),
            PLAIN.replace("127.0.0.1", "name.example"),  # no name is ever asked for
        ):
            answer = await kurento.invoke(await endpoint_of(kurento, pipeline), "processOffer", offer=offer)
            assert re.findall("(?m)^m=\\S+ (\\d+)", answer) == ["0", "0"]
        answer = await kurento.invoke(await kurento.endpoint(pipeline), "processOffer", offer=PLAIN)
        assert re.findall("(?m)^m=\\S+ (\\d+)", answer) == ["0", "0"]


@pytest.mark.parametrize(
    ("crypto", "code"),
    [
        ({}, None),
        ({"key": "k" * 30}, None),
        ({"key": "k" * 46, "crypto": "AES_256_CM_HMAC_SHA1_80"}, None),
        ({"keyBase64": "a2V5" * 10}, None),
        ({"key": "k" * 29}, 40107),
        ({"key": "k" * 30, "crypto": "AES_256_CM_HMAC_SHA1_32"}, 40107),
        ({"keyBase64": "a2V5"}, 40107),
        ({"keyBase64": "?"}, 40107),
        ({"key": "k" * 30, "crypto": "DES"}, 40001),
    ],
)
async def test_keys(crypto: dict[str, str], code: int | None) -> None:
    async with assemble(LOCAL) as server, raw_kurento(server.url) as kurento:
        given = {"mediaPipeline": await kurento.pipeline(), "crypto": crypto}
        answer = await kurento.call("create", type="RtpEndpoint", constructorParams=given)
        assert answer.get("error", {}).get("code") == code


async def test_media_from_one_pair_of_ports_to_another() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento, peers(2) as (publisher, viewer):
        pipeline = await kurento.pipeline()
        source, sink = await kurento.endpoint(pipeline), await kurento.endpoint(pipeline)
        out, back = await endpoint_of(kurento, pipeline), await endpoint_of(kurento, pipeline)
        await kurento.subscribe(back, "MediaStateChanged", "MediaFlowOutStateChanged")
        publisher.publish()
        viewer.view()
        await attach(kurento, source, publisher)
        await attach(kurento, sink, viewer)
        await kurento.invoke(source, "connect", sink=out)
        await kurento.invoke(back, "connect", sink=sink)
        offer = await kurento.invoke(out, "generateOffer")
        assert re.findall("(?m)^m=\\S+ \\d+ (\\S+)", offer) == ["RTP/AVPF", "RTP/AVPF"]
        answer = await kurento.invoke(back, "processOffer", offer=offer)
        assert await kurento.invoke(out, "processAnswer", answer=answer) == offer
        await viewer.decoded()
        await kurento.event("MediaStateChanged", back, newState="CONNECTED")
        types = [each["type"] for each in (await kurento.invoke(back, "getStats")).values()]
        assert types == ["inboundrtp", "inboundrtp"]
        await kurento.done("release", object=out)
        await kurento.event("MediaStateChanged", back, newState="DISCONNECTED")  # it said good-bye
        await kurento.event("MediaFlowOutStateChanged", back, state="NOT_FLOWING", mediaType="VIDEO")
