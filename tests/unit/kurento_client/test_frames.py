"""The client against what a real Kurento 7.3 was heard to say."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kurento_client import (
    IceCandidate,
    KurentoClient,
    KurentoError,
    MediaPipeline,
    MediaType,
    ServerManager,
    WebRtcEndpoint,
    WouldCrashServer,
)
from kurento_client.events import MediaEvent, typed
from kurento_client.guards import type_in
from kurento_client.jsonrpc import Code, Event, JsonRpcError, Request
from testkit.fakes.kurento_frames import Exchange, events, exchanges
from testkit.fakes.scripted_kurento import Whole, conversation

Drive = Callable[[Any, dict[str, Any]], Awaitable[Any]]

MANAGER: dict[str, Drive] = {
    "getInfo": lambda manager, _: manager.get_info(),
    "getUsedMemory": lambda manager, _: manager.get_used_memory(),
    "getPipelines": lambda manager, _: manager.get_pipelines(),
    "getSessions": lambda manager, _: manager.get_sessions(),
    "getMetadata": lambda manager, _: manager.get_metadata(),
    "getCpuCount": lambda manager, _: manager.get_cpu_count(),
}
OBJECT: dict[str, Drive] = {
    "getId": lambda object, _: object.get_id(),
    "getName": lambda object, _: object.get_name(),
    "setName": lambda object, given: object.set_name(given["name"]),
    "getCreationTime": lambda object, _: object.get_creation_time(),
    "getChildren": lambda object, _: object.get_children(),
    "getParent": lambda object, _: object.get_parent_id(),
    "getMediaPipeline": lambda object, _: object.get_media_pipeline_id(),
    "getTags": lambda object, _: object.get_tags(),
    "addTag": lambda object, given: object.add_tag(given["key"], given["value"]),
    "getSendTagsInEvents": lambda object, _: object.get_send_tags_in_events(),
}
PIPELINE: dict[str, Drive] = {
    "setLatencyStats": lambda pipeline, given: pipeline.set_latency_stats(given["latencyStats"]),
}
ENDPOINT: dict[str, Drive] = {
    "processOffer": lambda endpoint, given: endpoint.process_offer(given["offer"]),
    "processAnswer": lambda endpoint, given: endpoint.process_answer(given["answer"]),
    "generateOffer": lambda endpoint, _: endpoint.generate_offer(),
    "gatherCandidates": lambda endpoint, _: endpoint.gather_candidates(),
    "addIceCandidate": lambda endpoint, given: endpoint.add_ice_candidate(IceCandidate.read(given["candidate"])),
    "getLocalSessionDescriptor": lambda endpoint, _: endpoint.get_local_session_descriptor(),
    "getRemoteSessionDescriptor": lambda endpoint, _: endpoint.get_remote_session_descriptor(),
    "getConnectionState": lambda endpoint, _: endpoint.get_connection_state(),
    "getMediaState": lambda endpoint, _: endpoint.get_media_state(),
    "getICECandidatePairs": lambda endpoint, _: endpoint.get_ice_candidate_pairs(),
    "getIceConnectionState": lambda endpoint, _: endpoint.get_ice_connection_state(),
    "getStunServerAddress": lambda endpoint, _: endpoint.get_stun_server_address(),
    "getStunServerPort": lambda endpoint, _: endpoint.get_stun_server_port(),
    "getTurnUrl": lambda endpoint, _: endpoint.get_turn_url(),
    "getExternalIPv4": lambda endpoint, _: endpoint.get_external_ipv4(),
    "getNetworkInterfaces": lambda endpoint, _: endpoint.get_network_interfaces(),
    "getMaxVideoRecvBandwidth": lambda endpoint, _: endpoint.get_max_video_recv_bandwidth(),
    "getMinVideoSendBandwidth": lambda endpoint, _: endpoint.get_min_video_send_bandwidth(),
    "getMaxVideoSendBandwidth": lambda endpoint, _: endpoint.get_max_video_send_bandwidth(),
    "getMtu": lambda endpoint, _: endpoint.get_mtu(),
    "getRembParams": lambda endpoint, _: endpoint.get_remb_params(),
    "getStats": lambda endpoint, _: endpoint.get_stats(),
    "getSourceConnections": lambda endpoint, _: endpoint.get_source_connections(),
    "getSinkConnections": lambda endpoint, _: endpoint.get_sink_connections(),
    "isMediaFlowingIn": lambda endpoint, given: endpoint.is_media_flowing_in(MediaType(given["mediaType"])),
    "isMediaFlowingOut": lambda endpoint, given: endpoint.is_media_flowing_out(MediaType(given["mediaType"])),
    "connect": lambda endpoint, given: endpoint.connect(WebRtcEndpoint(endpoint.client, given["sink"])),
    "disconnect": lambda endpoint, given: endpoint.disconnect(WebRtcEndpoint(endpoint.client, given["sink"])),
}
KNOWN: dict[str, tuple[Any, dict[str, Drive]]] = {
    "ServerManager": (ServerManager, MANAGER | OBJECT),
    "MediaPipeline": (MediaPipeline, PIPELINE | OBJECT),
    "WebRtcEndpoint": (WebRtcEndpoint, ENDPOINT | OBJECT),
}
NEVER = {"getIceTcp", "getUsedCpu"}  # one crashes the server, the other blocks the connection (protocol 9.4, 1.4)


def drive_of(exchange: Exchange) -> Drive | None:
    """Return the typed way to make a recorded `invoke`, where the client has one."""
    params = exchange.params
    kind = KNOWN.get(type_in(params["object"]))
    drive = kind and kind[1].get(params["operation"])
    if kind is None or drive is None or ("error" in exchange.response and not params["operationParams"]):
        return None
    return lambda client, given: drive(kind[0](client, params["object"]), given)


async def repeat(client: KurentoClient, exchange: Exchange) -> Any:
    """Make the recorded request in the most typed way that the client has."""
    params = exchange.params
    match exchange.method:
        case "invoke":
            drive = drive_of(exchange)
            if drive is not None:
                return await drive(client, params["operationParams"])
            return await client.invoke(params["object"], params["operation"], params["operationParams"])
        case "create" if "properties" in params:
            return await client.create(params["type"], params["constructorParams"])
        case "subscribe":
            return await client.subscribe(params["object"], params["type"])
        case "unsubscribe":
            return await client.unsubscribe(params["object"], params["subscription"])
        case "describe":
            return await client.describe(params["object"])
        case "release":
            return await client.release(params["object"])
        case "transaction":
            transaction = client.transaction()
            pipeline = transaction.create("MediaPipeline")
            transaction.create("WebRtcEndpoint", mediaPipeline=pipeline)
            return await transaction.commit()
        case "closeSession":
            return await client.close_session()
        case _:
            return (await client.call(exchange.method, params)).value


def play_back(exchange: Exchange) -> Callable[[Request], Any]:
    """Return the server's side of a recorded exchange."""
    response = exchange.response

    def answer(_: Request) -> Any:
        if "error" in response:
            error = response["error"]
            raise JsonRpcError(error["code"], error["message"], error.get("data"))
        return Whole(response["result"])

    return answer


repeatable = [
    each
    for each in exchanges()
    if "id" in each.request and each.method != "connect" and each.params.get("operation") not in NEVER
]


@pytest.mark.parametrize("exchange", repeatable, ids=str)
async def test_a_recorded_request_is_made_again_and_its_answer_understood(exchange: Exchange) -> None:
    name = exchange.params.get("operation", exchange.method)
    async with conversation() as (kurento, client):
        kurento.answers[name] = play_back(exchange)
        if "error" in exchange.response:
            with pytest.raises(KurentoError) as refused:
                await repeat(client, exchange)
            error = exchange.response["error"]
            assert (refused.value.code, refused.value.message) == (error["code"], error["message"])
            assert refused.value.type == (error.get("data") or {}).get("type")
        else:
            value = await repeat(client, exchange)
            recorded = (exchange.response["result"] or {}).get("value")
            if isinstance(recorded, str | int):
                assert value == recorded
        made = await kurento.received(name)
    sent = {key: each for key, each in (made.params or {}).items() if key != "sessionId"}
    assert (made.method, sent) == (exchange.method, exchange.params)


def test_every_recorded_operation_of_a_known_object_has_a_method() -> None:
    missing = [
        each.name
        for each in repeatable
        if each.method == "invoke"
        and "result" in each.response
        and type_in(each.params["object"]) in KNOWN
        and drive_of(each) is None
    ]
    assert missing == []


@pytest.mark.parametrize("exchange", [each for each in exchanges() if "getIceTcp" in each.name], ids=str)
async def test_what_crashes_the_server_is_not_made_again(exchange: Exchange) -> None:
    async with conversation() as (kurento, client):
        with pytest.raises(WouldCrashServer):
            await repeat(client, exchange)
        assert [each.method for each in kurento.requests] == ["connect"]


def test_the_recorded_greetings_are_those_of_the_protocol() -> None:
    fresh, unknown = [each for each in exchanges() if each.method == "connect"]
    assert set(fresh.response["result"]) == {"serverId", "sessionId"}
    assert unknown.response["error"]["code"] == Code.INVALID_SESSION


@pytest.mark.parametrize("frame", events(), ids=lambda frame: str(frame["params"]["value"]["type"]))
def test_a_recorded_event_is_understood(frame: dict[str, Any]) -> None:
    value = frame["params"]["value"]
    event = typed(Event(value["object"], value["type"], value["data"]))
    assert (event.object, event.type, event.data) == (value["object"], value["type"], value["data"])
    assert event.timestamp_millis == int(value["data"]["timestampMillis"])
    foreign = {"UriEndpointStateChanged", "Recording", "Paused", "Stopped", "EndOfStream"}
    foreign |= {"MediaSessionStarted", "MediaTranscodingStateChanged"}
    assert (type(event) is MediaEvent) == (value["type"] in foreign)


def test_all_frames_are_there() -> None:
    assert (len(exchanges()), len(events())) == (102, 22)
