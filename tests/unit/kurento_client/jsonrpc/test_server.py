import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kurento_client.jsonrpc import (
    JsonRpcError,
    Malformed,
    Notification,
    NotJson,
    Request,
    cache_key,
    encode_error,
    encode_event,
    encode_notification_answer,
    encode_result,
    parse_request,
)
from testkit.fakes.kurento_frames import Exchange, events, exchanges

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
envelopes = st.dictionaries(
    st.sampled_from(["id", "jsonrpc", "method", "params", "result", "error"]), st.just("2.0") | json_values
)


@pytest.mark.parametrize("id", [1, "a", 1.5, True])
def test_an_id_is_echoed_with_its_type(id: Any) -> None:
    request = parse_request(json.dumps({"id": id, "jsonrpc": "2.0", "method": "ping"}))
    assert isinstance(request, Request)
    assert type(request.id) is type(id)
    assert json.loads(encode_result(request.id, None)) == {"id": id, "jsonrpc": "2.0", "result": None}


@pytest.mark.parametrize(
    "message",
    [
        [],
        [{"id": 1, "jsonrpc": "2.0", "method": "ping"}],
        7,
        None,
        {},
        {"id": 1, "method": "ping"},
        {"id": 1, "jsonrpc": "1.0", "method": "ping"},
        {"id": 1, "jsonrpc": 2.0, "method": "ping"},
        {"id": 1, "jsonrpc": "2.0"},
        {"id": 1, "jsonrpc": "2.0", "method": 5},
        {"id": {}, "jsonrpc": "2.0", "method": "ping"},
        {"id": [], "jsonrpc": "2.0", "method": "ping"},
    ],
)
def test_no_envelope_is_an_invalid_request_of_nobody(message: object) -> None:
    malformed = parse_request(json.dumps(message))
    assert isinstance(malformed, Malformed)
    assert json.loads(encode_error(malformed.id, malformed.error)) == {
        "error": {"code": -32600, "message": "Invalid JSON-RPC request."},
        "id": None,
        "jsonrpc": "2.0",
    }


@pytest.mark.parametrize("text", ["", "ping", "{'id':1}", '{"id":NaN}', b"\xff\xfe"])
def test_no_json_is_no_json(text: str | bytes) -> None:
    assert isinstance(parse_request(text), NotJson)


@pytest.mark.parametrize("params", [[], ["x"], "x", 5])
def test_positional_params_are_an_internal_error_with_the_id(params: object) -> None:
    malformed = parse_request(json.dumps({"id": 3, "jsonrpc": "2.0", "method": "create", "params": params}))
    assert isinstance(malformed, Malformed)
    assert (malformed.id, malformed.error.code) == (3, -32603)


@pytest.mark.parametrize("envelope", [{}, {"id": None}])
def test_a_missing_or_null_id_makes_a_notification(envelope: dict[str, Any]) -> None:
    text = json.dumps({"jsonrpc": "2.0", "method": "ping", **envelope})
    assert parse_request(text) == Notification("ping")


def test_a_notification_is_answered_by_an_error_or_an_empty_frame() -> None:
    assert encode_notification_answer(None) == ""
    recorded = next(each for each in exchanges() if each.response.get("error", {}).get("code") == -32000)
    data = recorded.response["error"]["data"]
    assert json.loads(encode_notification_answer(data)) == recorded.response


@pytest.mark.parametrize("exchange", [each for each in exchanges() if "id" in each.request], ids=str)
def test_recorded_requests_are_read_and_their_answers_written(exchange: Exchange) -> None:
    request = parse_request(json.dumps(exchange.request))
    assert request == Request(exchange.request["id"], exchange.method, exchange.request.get("params"))
    error, id = exchange.response.get("error"), exchange.response["id"]
    if error is None:
        text = encode_result(id, exchange.response["result"])
    else:
        text = encode_error(id, JsonRpcError(error["code"], error["message"], error.get("data")))
    assert text == json.dumps(exchange.response, sort_keys=True, separators=(",", ":"))


@pytest.mark.parametrize("event", events(), ids=lambda event: str(event["params"]["value"]["type"]))
def test_recorded_events_are_written(event: dict[str, Any]) -> None:
    value = event["params"]["value"]
    assert json.loads(encode_event(value["object"], value["type"], value["data"])) == event


def test_numbers_and_their_text_share_a_place_in_the_request_cache() -> None:
    assert cache_key(1) == cache_key("1")
    assert cache_key(True) == "true"


@given(json_values | envelopes)
def test_arbitrary_json_is_one_of_the_four(value: object) -> None:
    assert isinstance(parse_request(json.dumps(value)), Request | Notification | Malformed | NotJson)


@given(st.text() | st.binary())
def test_arbitrary_text_is_one_of_the_four(text: str | bytes) -> None:
    assert isinstance(parse_request(text), Request | Notification | Malformed | NotJson)
