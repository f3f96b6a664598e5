from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kurento_client import (
    AlreadyNegotiated,
    BaseRtpEndpoint,
    ConnectionState,
    KurentoError,
    NoDescription,
    RembParams,
    SdpRefused,
)
from kurento_client.jsonrpc import Code, JsonRpcError, Request
from testkit.fakes.scripted_kurento import conversation

ID = "p_kurento.MediaPipeline/a_kurento.RtpEndpoint"
Act = Callable[[BaseRtpEndpoint], Awaitable[Any]]

LIMITS = {
    "MaxAudioRecvBandwidth": (
        BaseRtpEndpoint.get_max_audio_recv_bandwidth,
        BaseRtpEndpoint.set_max_audio_recv_bandwidth,
    ),
    "MaxVideoRecvBandwidth": (
        BaseRtpEndpoint.get_max_video_recv_bandwidth,
        BaseRtpEndpoint.set_max_video_recv_bandwidth,
    ),
    "MinVideoRecvBandwidth": (
        BaseRtpEndpoint.get_min_video_recv_bandwidth,
        BaseRtpEndpoint.set_min_video_recv_bandwidth,
    ),
    "MinVideoSendBandwidth": (
        BaseRtpEndpoint.get_min_video_send_bandwidth,
        BaseRtpEndpoint.set_min_video_send_bandwidth,
    ),
    "MaxVideoSendBandwidth": (
        BaseRtpEndpoint.get_max_video_send_bandwidth,
        BaseRtpEndpoint.set_max_video_send_bandwidth,
    ),
    "Mtu": (BaseRtpEndpoint.get_mtu, BaseRtpEndpoint.set_mtu),
}


@pytest.mark.parametrize("property", LIMITS)
async def test_a_limit_is_read_and_set(property: str) -> None:
    read, write = LIMITS[property]
    async with conversation() as (kurento, client):
        kurento.answers[f"get{property}"] = lambda _: 500
        endpoint = BaseRtpEndpoint(client, ID)
        await write(endpoint, 1200)
        assert await read(endpoint) == 500
        sent = (await kurento.received(f"set{property}")).params or {}
    assert sent["operationParams"] == {property[0].lower() + property[1:]: 1200}


@pytest.mark.parametrize(
    ("act", "operation", "params", "answer", "result"),
    [
        (lambda it: it.generate_offer(), "generateOffer", {}, "v=0", "v=0"),
        (lambda it: it.process_offer("o"), "processOffer", {"offer": "o"}, "a", "a"),
        (lambda it: it.process_answer("a"), "processAnswer", {"answer": "a"}, "l", "l"),
        (lambda it: it.get_local_session_descriptor(), "getLocalSessionDescriptor", {}, "l", "l"),
        (lambda it: it.get_remote_session_descriptor(), "getRemoteSessionDescriptor", {}, "r", "r"),
        (lambda it: it.get_remb_params(), "getRembParams", {}, {}, RembParams()),
        (lambda it: it.get_media_state(), "getMediaState", {}, "CONNECTED", ConnectionState.CONNECTED),
        (
            lambda it: it.get_connection_state(),
            "getConnectionState",
            {},
            "DISCONNECTED",
            ConnectionState.DISCONNECTED,
        ),
        (lambda it: it.request_keyframe(), "requestKeyframe", {}, None, None),
    ],
)
async def test_an_operation(act: Act, operation: str, params: Any, answer: Any, result: Any) -> None:
    async with conversation() as (kurento, client):
        kurento.answers[operation] = lambda _: answer
        assert await act(BaseRtpEndpoint(client, ID)) == result
        sent = (await kurento.received(operation)).params or {}
    assert sent["operationParams"] == params


@pytest.mark.parametrize(
    ("act", "code", "kind"),
    [
        (lambda it: it.process_offer(""), Code.SDP_PARSE_ERROR, SdpRefused),
        (lambda it: it.process_offer("v=0"), Code.SDP_END_POINT_PROCESS_OFFER_ERROR, SdpRefused),
        (lambda it: it.process_offer("v=0"), Code.SDP_END_POINT_ALREADY_NEGOTIATED, AlreadyNegotiated),
        (lambda it: it.process_answer("v=0"), Code.SDP_END_POINT_NOT_OFFER_GENERATED, KurentoError),
        (lambda it: it.get_local_session_descriptor(), Code.SDP_END_POINT_NO_LOCAL_SDP_ERROR, NoDescription),
    ],
)
async def test_a_refusal_has_its_class(act: Act, code: Code, kind: type[KurentoError]) -> None:
    def refuse(_: Request) -> None:
        raise JsonRpcError.kurento(code, "said")

    async with conversation() as (kurento, client):
        kurento.answers["invoke"] = refuse
        with pytest.raises(kind) as refused:
            await act(BaseRtpEndpoint(client, ID))
    assert (type(refused.value), refused.value.type) == (kind, code.name)
