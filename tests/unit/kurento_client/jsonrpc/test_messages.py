import pytest

from kurento_client.jsonrpc import Code, ErrorResponse, JsonRpcError, Response


@pytest.mark.parametrize(
    ("result", "value", "session"),
    [
        ({"sessionId": "s", "value": 7}, 7, "s"),
        ({"sessionId": "s"}, None, "s"),
        ({"sessionId": "", "value": None}, None, None),
        ({"sessionId": 5}, None, None),
        (None, None, None),
        ("text", None, None),
    ],
)
def test_value_and_session_of_a_result(result: object, value: object, session: str | None) -> None:
    response = Response(1, result)
    assert (response.value, response.session_id) == (value, session)


@pytest.mark.parametrize(
    ("data", "type"),
    [
        ({"type": "SENT"}, "SENT"),
        (None, "MEDIA_OBJECT_NOT_FOUND"),
        ({}, "MEDIA_OBJECT_NOT_FOUND"),
        ("odd", "MEDIA_OBJECT_NOT_FOUND"),
    ],
)
def test_a_refusal_has_a_type_with_or_without_data(data: object, type: str) -> None:
    assert ErrorResponse(1, 40101, "gone", data).type == type


def test_kurento_fills_in_the_type_where_there_is_one() -> None:
    gone = JsonRpcError.kurento(Code.MEDIA_OBJECT_NOT_FOUND, "gone")
    unknown = JsonRpcError.kurento(Code.METHOD_NOT_FOUND, "Method not found.")
    assert (gone.code, gone.data) == (40101, {"type": "MEDIA_OBJECT_NOT_FOUND"})
    assert (unknown.code, unknown.data) == (-32601, None)
