from typing import Any

import pytest

from kurento_client import (
    Description,
    DtlsConnection,
    ElementConnectionData,
    IceCandidate,
    IceCandidatePair,
    IceConnection,
    RembParams,
    ServerInfo,
    UnexpectedAnswer,
)
from kurento_client.records import tags
from testkit.fakes.kurento_frames import exchanges


def answer(operation: str) -> Any:
    """Return the recorded value of an operation."""
    found = [each for each in exchanges() if each.params.get("operation") == operation and "result" in each.response]
    return found[0].response["result"]["value"]


def test_a_candidate_goes_out_as_it_came_in() -> None:
    wire = {
        "__module__": "kurento",
        "__type__": "IceCandidate",
        "candidate": "candidate:1 1 UDP 2015364095 127.0.0.1 61967 typ host",
        "sdpMLineIndex": 0,
        "sdpMid": "0",
    }
    assert IceCandidate.read(wire).wire() == wire


def test_a_candidate_without_mid_keeps_the_key() -> None:
    assert IceCandidate("", None, 0).wire()["sdpMid"] is None


@pytest.mark.parametrize("wrong", [None, {}, {"candidate": "c", "sdpMid": "0"}, {"candidate": 1}])
def test_no_candidate_is_said(wrong: object) -> None:
    with pytest.raises(UnexpectedAnswer):
        IceCandidate.read(wrong)


def test_a_stream_is_a_string_here_whatever_it_was() -> None:
    pair = {"streamId": 1, "componentId": 1, "localCandidate": "l", "remoteCandidate": "r"}
    assert IceCandidatePair.read(pair) == IceCandidatePair("1", 1, "l", "r")
    assert [each.stream_id for each in map(IceConnection.read, answer("getIceConnectionState"))] == ["1", "1"]


def test_a_dtls_connection_is_read() -> None:
    wire = {"streamId": "1", "componentId": "[bundle/dtlssrtpenc]", "connectionId": "c", "state": "CONNECTED"}
    assert DtlsConnection.read(wire).state == "CONNECTED"


def test_a_connection_between_elements_has_default_descriptions() -> None:
    wire = {"source": "a", "sink": "b", "type": "AUDIO"}
    assert ElementConnectionData.read(wire).sink_description == "default"


def test_remb_parameters_have_the_servers_defaults() -> None:
    read, default = RembParams.read(answer("getRembParams")), RembParams()
    assert read.exponential_factor == pytest.approx(default.exponential_factor, abs=1e-6)
    assert (read.packets_recv_interval_top, read.remb_on_connect) == (100, 300_000)


def test_the_server_says_what_it_can_do() -> None:
    info = ServerInfo.read(answer("getInfo"))
    assert "transactions" in info.capabilities
    assert "MediaPipeline" in info.modules[0].factories


def test_a_description_has_no_value_member() -> None:
    recorded = next(each for each in exchanges() if each.method == "describe")
    description = Description.read(recorded.response["result"])
    assert (description.type, description.hierarchy) == ("ServerManager", ("kurento.MediaObject",))


def test_tags_are_a_mapping() -> None:
    assert tags([{"key": "a", "value": "1", "__type__": "Tag"}]) == {"a": "1"}
    assert tags(None) == {}
    with pytest.raises(UnexpectedAnswer):
        tags([{"key": "a"}])
