"""Creation, properties, transactions and the request cache (checklist 15-19, 21)."""

import re
from typing import Any

import pytest

from mediaserver.server import assemble
from mediaserver.settings import Settings
from testkit.fakes.raw_kurento import RawKurento, raw_kurento

SETTINGS = Settings(port=0)
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
WRITABLE = {
    "name": "a",
    "sendTagsInEvents": True,
    "encoderBitrate": 5,
    "minEncoderBitrate": 6,
    "maxEncoderBitrate": 7,
    "maxAudioRecvBandwidth": 8,
    "maxVideoRecvBandwidth": 9,
    "minVideoRecvBandwidth": 10,
    "minVideoSendBandwidth": 11,
    "maxVideoSendBandwidth": 12,
    "mtu": 1300,
    "networkInterfaces": "lo",
    "stunServerAddress": "192.0.2.1",
    "stunServerPort": 3479,
    "turnUrl": "u:p@192.0.2.1:3478",
    "externalIPv4": "192.0.2.1",
    "externalIPv6": "2001:db8::1",
    "iceTcp": True,
}
READABLE = ["mediaPipeline", "parent", "id", "creationTime", "children", "mediaState", "connectionState"]
READABLE += ["ICECandidatePairs", "iceConnectionState", "dtlsConnectionState"]


def capital(name: str) -> str:
    """Upper-case the first letter alone."""
    return name[:1].upper() + name[1:]


async def test_creation() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        pipeline = await kurento.value("create", type="kurento.MediaPipeline", properties={"name": "ignored"})
        assert re.fullmatch(rf"{UUID}_kurento\.MediaPipeline", pipeline)
        assert await kurento.invoke(pipeline, "getName") == pipeline
        endpoint = await kurento.endpoint(pipeline)
        assert re.fullmatch(rf"{pipeline}/{UUID}_kurento\.WebRtcEndpoint", endpoint)
        for name in ("NoSuch", "MediaElement", "ServerManager", "Hub", "UriEndpoint", "Mixer", "GStreamerFilter"):
            answer = await kurento.call("create", type=name, constructorParams={})
            data = {"type": "MEDIA_OBJECT_NOT_AVAILABLE"}
            assert answer["error"] == {"code": 40108, "data": data, "message": f"Factory '{name}' not found"}
        assert await kurento.code("create", type="WebRtcEndpoint") == 40001
        assert await kurento.code("create", type="WebRtcEndpoint", constructorParams={}) == 40001
        gone = {"mediaPipeline": "gone"}
        assert await kurento.code("create", type="WebRtcEndpoint", constructorParams=gone) == 40101
        wrong = {"mediaPipeline": endpoint}
        assert await kurento.code("create", type="WebRtcEndpoint", constructorParams=wrong) == -32603
        flags = {"mediaPipeline": pipeline, "recvonly": "yes"}
        assert await kurento.code("create", type="WebRtcEndpoint", constructorParams=flags) == 40001


async def test_a_full_server_refuses() -> None:
    async with assemble(Settings(port=0, exception_limit=1e-9)) as server, raw_kurento(server.url) as kurento:
        assert await kurento.code("create", type="NoSuch") == 40108
        assert await kurento.code("create", type="MediaPipeline") == 40009
        assert await kurento.code("create", type="WebRtcEndpoint", constructorParams={}) == 40009


async def test_describe_names_the_nearest_base_first() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        endpoint = await kurento.endpoint(await kurento.pipeline())
        described = (await kurento.call("describe", object=endpoint))["result"]
        bases = ["BaseRtpEndpoint", "SdpEndpoint", "SessionEndpoint", "Endpoint", "MediaElement", "MediaObject"]
        assert described["hierarchy"] == [f"kurento.{base}" for base in bases]
        assert described["qualifiedType"] == "kurento.WebRtcEndpoint"
        assert await kurento.code("describe", object="gone") == 40101


async def test_every_property_by_its_getter_and_setter() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        endpoint = await kurento.endpoint(await kurento.pipeline())
        for name, value in WRITABLE.items():
            assert await kurento.invoke(endpoint, f"set{capital(name)}", **{name: value}) is None
            assert await kurento.invoke(endpoint, f"get{capital(name)}") == value
            assert await kurento.refused(endpoint, f"set{capital(name)}") == 40001
        for name in READABLE:
            await kurento.invoke(endpoint, f"get{capital(name)}")
            assert await kurento.refused(endpoint, f"set{capital(name)}", **{name: 1}) == 40008


async def test_lenient_conversions() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        endpoint = await kurento.endpoint(await kurento.pipeline())
        for given, read in ((5, "5"), (None, ""), (True, "true")):
            await kurento.invoke(endpoint, "setName", name=given)
            assert await kurento.invoke(endpoint, "getName") == read
        for given, number in ((None, 0), (True, 1), (1400.0, 1400)):
            await kurento.invoke(endpoint, "setMtu", mtu=given)
            assert await kurento.invoke(endpoint, "getMtu") == number
        assert await kurento.refused(endpoint, "setMtu", mtu="0") == 40001
        assert await kurento.refused(endpoint, "setMtu", mtu=1.5) == 40001
        assert await kurento.refused(endpoint, "setSendTagsInEvents", sendTagsInEvents="yes") == 40001
        answer = await kurento.call("invoke", object=endpoint, operation="getName", operationParams=[1])
        assert answer["result"]["value"] == "true"


async def test_floats_are_single_precision() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        endpoint = await kurento.endpoint(await kurento.pipeline())
        await kurento.invoke(endpoint, "setRembParams", rembParams={"exponentialFactor": 0.05, "upLosses": 3})
        read = await kurento.invoke(endpoint, "getRembParams")
        assert read["exponentialFactor"] == 0.05000000074505806
        assert read["upLosses"] == 3
        assert read["thresholdFactor"] == 0.800000011920929


async def test_tags() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        pipeline = await kurento.pipeline()
        await kurento.invoke(pipeline, "addTag", key="a", value="1")
        await kurento.invoke(pipeline, "addTag", key="a", value="2")
        assert await kurento.invoke(pipeline, "getTag", key="a") == "2"
        tag = {"__module__": "kurento", "__type__": "Tag", "key": "a", "value": "2"}
        assert await kurento.invoke(pipeline, "getTags") == [tag]
        await kurento.invoke(pipeline, "removeTag", key="a")
        await kurento.invoke(pipeline, "removeTag", key="a")
        assert await kurento.refused(pipeline, "getTag", key="a") == 40110


async def test_a_repeated_id_is_answered_from_the_cache() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        await kurento.done("connect")
        frame = {"id": 900001, "jsonrpc": "2.0", "method": "create", "params": {"type": "MediaPipeline"}}
        first = await kurento.exchange(frame)
        assert await kurento.exchange(frame) == first
        other = {"id": "900001", "jsonrpc": "2.0", "method": "ping"}
        assert await kurento.exchange(other) == first
        failing = {"id": 900002, "jsonrpc": "2.0", "method": "describe", "params": {"object": "gone"}}
        refused = await kurento.exchange(failing)
        assert await kurento.exchange({**failing, "method": "ping"}) == refused
        assert await kurento.invoke("manager_ServerManager", "getPipelines") == [first["result"]["value"]]
        async with raw_kurento(server.url, first_id=5000) as second:  # a retry on a new connection of the same session
            params = {"sessionId": kurento.session}
            retry = {"id": 900001, "jsonrpc": "2.0", "method": "create", "params": params}
            assert await second.exchange(retry) == first


def step(index: object, method: str, **params: object) -> dict[str, object]:
    """Write one operation of a transaction."""
    return {"id": index, "jsonrpc": "2.0", "method": method, "params": params}


async def transaction(kurento: RawKurento, *operations: object) -> dict[str, Any]:
    """Run a transaction and return the whole answer."""
    return await kurento.call("transaction", operations=list(operations))


async def test_transactions() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        made = await transaction(
            kurento,
            step(0, "create", type="MediaPipeline"),
            step(1, "create", type="WebRtcEndpoint", constructorParams={"mediaPipeline": "newref:0"}),
            step(2, "invoke", object="newref:1", operation="addTag", operationParams={"key": "k", "value": "v"}),
            step(3, "invoke", object="newref:1", operation="connect", operationParams={"sink": "newref:1"}),
        )
        answers = made["result"]["value"]
        assert [a["id"] for a in answers] == [0, 1, 2, 3]
        assert await kurento.invoke(answers[1]["result"]["value"], "getTag", key="k") == "v"
        assert {a["result"]["sessionId"] for a in answers} == {kurento.session}
        assert (await transaction(kurento))["result"]["value"] == []


async def test_transactions_that_fail() -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        pipeline = step(0, "create", type="MediaPipeline")
        answer = await transaction(kurento, {**pipeline, "id": 1})
        assert answer["error"]["code"] == 40008
        for reference in ("newref:7", "newref:x"):
            answer = await transaction(kurento, pipeline, step(1, "describe", object=reference))
            assert answer["error"]["code"] == 40008
        before = await kurento.invoke("manager_ServerManager", "getPipelines")
        failing = step(1, "describe", object="gone")
        answer = await transaction(kurento, pipeline, failing, step(2, "create", type="MediaPipeline"))
        answers = answer["result"]["value"]
        assert [list(a) for a in answers][1:] == [["error", "id", "jsonrpc"]]
        assert answers[1]["error"]["code"] == 40101
        after = await kurento.invoke("manager_ServerManager", "getPipelines")
        assert len(after) == len(before) + 1  # no rollback, and nothing after the failure
        assert await kurento.code("describe", object="newref:0") == 40109


@pytest.mark.parametrize("kind", ["AUDIO", "VIDEO"])
async def test_elements_at_rest(kind: str) -> None:
    async with assemble(SETTINGS) as server, raw_kurento(server.url) as kurento:
        endpoint = await kurento.endpoint(await kurento.pipeline())
        assert await kurento.invoke(endpoint, "getStats") is None
        for question in ("isMediaFlowingIn", "isMediaFlowingOut", "isMediaTranscoding"):
            assert await kurento.invoke(endpoint, question, mediaType=kind) is False
            assert await kurento.refused(endpoint, question, mediaType="DATA") == 40107
            assert await kurento.refused(endpoint, question, mediaType="video") == 40001
            assert await kurento.refused(endpoint, question) == 40001
        assert await kurento.invoke(endpoint, "getStats", mediaType="DATA") is None
        for operation in ("createDataChannel", "requestKeyframe"):
            assert await kurento.refused(endpoint, operation) == 40111
        assert await kurento.refused(endpoint, "getGstreamerDot") == 40006
