import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kurento_client.jsonrpc import ClientProtocol, ErrorResponse, Event, RequestIds, Response, Stray
from testkit.fakes.kurento_frames import Exchange, events, exchanges

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
envelopes = st.dictionaries(
    st.sampled_from(["id", "jsonrpc", "method", "params", "result", "error"]), st.just(5) | json_values
)


def reply(id: Any, **members: Any) -> str:
    return json.dumps({"id": id, "jsonrpc": "2.0", **members})


def test_a_call_is_compact_and_answered_by_its_id() -> None:
    protocol = ClientProtocol(RequestIds(5))
    id, text = protocol.call("describe", {"object": "x"})
    assert text == '{"id":5,"jsonrpc":"2.0","method":"describe","params":{"object":"x"}}'
    assert protocol.receive(reply(id, result={"value": 1})) == [Response(5, {"value": 1})]
    assert protocol.pending == 0


def test_many_calls_may_be_answered_in_any_order() -> None:
    protocol = ClientProtocol()
    ids = [protocol.call("ping")[0] for _ in range(50)]
    answers = [protocol.receive(reply(id, result={"value": id}))[0] for id in reversed(ids)]
    assert [each.value for each in answers if isinstance(each, Response)] == list(reversed(ids))


def test_the_session_is_learnt_from_any_result_and_sent_always() -> None:
    protocol = ClientProtocol()
    id, first = protocol.call("connect")
    assert "params" not in json.loads(first)
    protocol.receive(reply(id, result={"sessionId": "s", "serverId": "k"}))
    assert json.loads(protocol.call("ping")[1])["params"] == {"sessionId": "s"}
    assert json.loads(protocol.call("invoke", {"object": "x"})[1])["params"] == {"sessionId": "s", "object": "x"}


@pytest.mark.parametrize("answer", [{"error": {"code": 40101, "message": ""}}, {"result": {"sessionId": ""}}])
def test_neither_a_refusal_nor_an_empty_session_binds(answer: dict[str, Any]) -> None:
    protocol = ClientProtocol()
    id, _ = protocol.call("connect")
    protocol.receive(reply(id, **answer))
    assert protocol.session_id is None


def test_an_answer_without_a_session_leaves_the_one_there_is() -> None:
    protocol = ClientProtocol(session_id="s")
    id, _ = protocol.call("closeSession")
    protocol.receive(reply(id, result=None))
    assert protocol.session_id == "s"


def test_ids_rise_through_a_reconnect_and_differ_between_clients() -> None:
    one, other = ClientProtocol(), ClientProtocol()
    first, _ = one.call("ping")
    assert one.disconnected() == [first]
    assert one.call("ping")[0] == first + 1
    assert abs(other.call("ping")[0] - first) > 1_000_000  # fails once in 10**9 runs


def test_what_was_in_flight_is_unknown_after_the_end() -> None:
    protocol = ClientProtocol()
    ids = [protocol.call("ping")[0] for _ in range(3)]
    assert protocol.disconnected() == ids
    assert isinstance(protocol.receive(reply(ids[0], result={}))[0], Stray)


def test_a_forgotten_call_is_answered_as_a_stray() -> None:
    protocol = ClientProtocol()
    id, _ = protocol.call("ping")
    protocol.forget(id)
    assert isinstance(protocol.receive(reply(id, result={}))[0], Stray)


@pytest.mark.parametrize("text", ["", "\n", b""])
def test_an_empty_frame_is_nothing(text: str | bytes) -> None:
    assert ClientProtocol().receive(text) == []


@pytest.mark.parametrize("id", [None, "1", True, 1.0, {}, 2])
def test_only_our_own_integer_is_our_id(id: object) -> None:
    protocol = ClientProtocol(RequestIds(1))
    protocol.call("ping")
    assert isinstance(protocol.receive(reply(id, result={}))[0], Stray)
    assert protocol.pending == 1


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"code": 40101, "message": "gone"}, ErrorResponse(1, 40101, "gone")),
        ({"code": 40101, "message": "gone", "data": {"type": "T"}}, ErrorResponse(1, 40101, "gone", {"type": "T"})),
        ({}, ErrorResponse(1, 0, "")),
        ("odd", ErrorResponse(1, 0, "odd")),
    ],
)
def test_refusals_of_any_shape(error: object, expected: ErrorResponse) -> None:
    protocol = ClientProtocol(RequestIds(1))
    protocol.call("ping")
    assert protocol.receive(reply(1, error=error)) == [expected]


def test_a_null_result_is_an_answer() -> None:
    protocol = ClientProtocol(RequestIds(1))
    protocol.call("closeSession")
    assert protocol.receive(reply(1, result=None)) == [Response(1, None)]


def test_an_event_is_named_by_its_value() -> None:
    value = {"object": "o", "type": "Error", "data": {"type": "INVALID_URI"}}
    text = json.dumps({"jsonrpc": "2.0", "method": "onEvent", "params": {"value": value}})
    assert ClientProtocol().receive(text) == [Event("o", "Error", {"type": "INVALID_URI"})]


@pytest.mark.parametrize(
    "params", [None, [], {}, {"value": None}, {"value": {}}, {"value": {"object": 1, "type": "T"}}]
)
def test_an_event_without_object_or_type_is_a_stray(params: object) -> None:
    text = json.dumps({"jsonrpc": "2.0", "method": "onEvent", "params": params})
    assert isinstance(ClientProtocol().receive(text)[0], Stray)


@pytest.mark.parametrize("event", events(), ids=lambda event: str(event["params"]["value"]["type"]))
def test_recorded_events_are_read(event: dict[str, Any]) -> None:
    value = event["params"]["value"]
    assert ClientProtocol().receive(json.dumps(event)) == [Event(value["object"], value["type"], value["data"])]


@pytest.mark.parametrize("exchange", exchanges(), ids=str)
def test_recorded_answers_are_read(exchange: Exchange) -> None:
    recorded = exchange.response
    protocol = ClientProtocol(RequestIds(exchange.request.get("id", 0)))
    protocol.call(exchange.method, exchange.params)
    (answer,) = protocol.receive(json.dumps(recorded))
    if recorded["id"] is None:
        assert isinstance(answer, Stray)
    elif "error" in recorded:
        error = recorded["error"]
        assert answer == ErrorResponse(recorded["id"], error["code"], error["message"], error.get("data"))
    else:
        assert answer == Response(recorded["id"], recorded["result"])
        if recorded["result"] is not None and "sessionId" in recorded["result"]:
            assert protocol.session_id == recorded["result"]["sessionId"]


@given(json_values | envelopes | st.lists(envelopes))
def test_arbitrary_json_never_crashes(value: object) -> None:
    protocol = ClientProtocol(RequestIds(5))
    protocol.call("ping")
    for message in protocol.receive(json.dumps(value)):
        assert isinstance(message, Response | ErrorResponse | Event | Stray)


@given(st.text() | st.binary())
def test_arbitrary_text_never_crashes(text: str | bytes) -> None:
    for message in ClientProtocol().receive(text):
        assert isinstance(message, Stray)
