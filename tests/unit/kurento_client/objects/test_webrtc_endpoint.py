from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kurento_client import (
    DataChannelOptions,
    DtlsConnection,
    DtlsState,
    EndpointOptions,
    IceCandidate,
    IceCandidatePair,
    IceComponentState,
    IceConnection,
    WebRtcEndpoint,
)
from testkit.fakes.scripted_kurento import conversation

ID = "p_kurento.MediaPipeline/a_kurento.WebRtcEndpoint"
CANDIDATE = IceCandidate("candidate:1 1 UDP 1 192.0.2.2 9 typ host", None, 0)
PAIR = {"streamId": "1", "componentId": 1, "localCandidate": "l", "remoteCandidate": "r"}


@pytest.mark.parametrize(
    ("act", "operation", "params", "answer", "result"),
    [
        (lambda it: it.gather_candidates(), "gatherCandidates", {}, None, None),
        (
            lambda it: it.add_ice_candidate(CANDIDATE),
            "addIceCandidate",
            {"candidate": CANDIDATE.wire()},
            None,
            None,
        ),
        (
            lambda it: it.get_ice_candidate_pairs(),
            "getICECandidatePairs",
            {},
            [PAIR],
            (IceCandidatePair("1", 1, "l", "r"),),
        ),
        (
            lambda it: it.get_ice_connection_state(),
            "getIceConnectionState",
            {},
            [{"streamId": "1", "componentId": 1, "state": "READY"}],
            (IceConnection("1", 1, IceComponentState.READY),),
        ),
        (
            lambda it: it.get_dtls_connection_state(),
            "getDtlsConnectionState",
            {},
            [{"streamId": "1", "componentId": "1", "connectionId": "c", "state": "NEW"}],
            (DtlsConnection("1", "1", "c", DtlsState.NEW),),
        ),
        (lambda it: it.create_data_channel(), "createDataChannel", {}, None, None),
        (lambda it: it.close_data_channel(1), "closeDataChannel", {"channelId": 1}, None, None),
        (lambda it: it.get_stun_server_address(), "getStunServerAddress", {}, "", ""),
        (
            lambda it: it.set_stun_server_address("192.0.2.1"),
            "setStunServerAddress",
            {"stunServerAddress": "192.0.2.1"},
            None,
            None,
        ),
        (lambda it: it.get_stun_server_port(), "getStunServerPort", {}, 3478, 3478),
        (lambda it: it.set_stun_server_port(1), "setStunServerPort", {"stunServerPort": 1}, None, None),
        (lambda it: it.get_turn_url(), "getTurnUrl", {}, "", ""),
        (lambda it: it.set_turn_url("u:p@192.0.2.1:1"), "setTurnUrl", {"turnUrl": "u:p@192.0.2.1:1"}, None, None),
        (lambda it: it.get_network_interfaces(), "getNetworkInterfaces", {}, "lo", "lo"),
        (
            lambda it: it.set_network_interfaces("lo"),
            "setNetworkInterfaces",
            {"networkInterfaces": "lo"},
            None,
            None,
        ),
        (lambda it: it.get_external_ipv4(), "getExternalIPv4", {}, "", ""),
        (lambda it: it.set_external_ipv4("192.0.2.1"), "setExternalIPv4", {"externalIPv4": "192.0.2.1"}, None, None),
    ],
)
async def test_an_operation(
    act: Callable[[WebRtcEndpoint], Awaitable[Any]], operation: str, params: Any, answer: Any, result: Any
) -> None:
    async with conversation() as (kurento, client):
        kurento.answers[operation] = lambda _: answer
        assert await act(WebRtcEndpoint(client, ID)) == result
        sent = (await kurento.received(operation)).params or {}
    assert sent["operationParams"] == params


@pytest.mark.parametrize(
    ("options", "wire"),
    [
        (EndpointOptions(), {}),
        (EndpointOptions(recvonly=True), {"recvonly": True}),
        (
            EndpointOptions(use_data_channels=True),
            {"recvonly": False, "sendonly": False, "useDataChannels": True},
        ),
        (
            EndpointOptions(certificate_key_type="ECDSA"),
            {"recvonly": False, "sendonly": False, "useDataChannels": False, "certificateKeyType": "ECDSA"},
        ),
    ],
)
def test_constructor_arguments_come_with_all_before_them(options: EndpointOptions, wire: dict[str, Any]) -> None:
    assert options.wire() == wire


def test_a_data_channels_arguments_come_with_all_before_them() -> None:
    assert DataChannelOptions(max_retransmits=3).wire() == {
        "label": "",
        "ordered": True,
        "maxPacketLifeTime": -1,
        "maxRetransmits": 3,
    }


def test_what_crashes_the_server_is_left_out() -> None:
    assert not hasattr(WebRtcEndpoint, "get_ice_tcp")
