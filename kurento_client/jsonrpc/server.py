"""JSON-RPC of a server: requests in, answers and events out."""

from collections.abc import Mapping
from typing import Any

from kurento_client.jsonrpc.codes import Code
from kurento_client.jsonrpc.messages import (
    JsonRpcError,
    Malformed,
    Notification,
    NotJson,
    Request,
    RequestId,
)
from kurento_client.jsonrpc.wire import decode, encode

Received = Request | Notification | Malformed | NotJson
"""What a frame from a client can be."""


def parse_request(text: str | bytes) -> Received:
    """Read one frame from a client by the envelope rules of protocol 2.4 and 5.1.

    A batch is malformed, and positional params an internal error, as on an unbound connection of Kurento's;
    on a bound one it drops the connection and leaves a zombie session behind, which nobody should imitate.
    """
    try:
        message = decode(text)
    except ValueError as wrong:
        return NotJson(str(wrong))
    if not isinstance(message, Mapping):
        return _invalid()
    request_id, method = message.get("id"), message.get("method")
    if message.get("jsonrpc") != "2.0" or not isinstance(method, str):
        return _invalid()
    if request_id is not None and not isinstance(request_id, RequestId):
        return _invalid()
    params = message.get("params")
    if params is not None and not isinstance(params, Mapping):
        said = "Unexpected error while processing method: params must be an object"
        return Malformed(JsonRpcError.kurento(Code.INTERNAL_ERROR, said), request_id)
    if request_id is None:
        return Notification(method, params)
    return Request(request_id, method, params)


def encode_result(request_id: RequestId, result: Any) -> str:
    """Write a successful answer; `result` goes out as given, null included (`closeSession`)."""
    return encode({"id": request_id, "jsonrpc": "2.0", "result": result})


def encode_error(request_id: RequestId | None, error: JsonRpcError) -> str:
    """Write a refusal; `data` is left out where there is none, and no session id ever goes with it."""
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        body["data"] = error.data
    return encode({"error": body, "id": request_id, "jsonrpc": "2.0"})


def encode_notification_answer(result: Any) -> str:
    """Write what Kurento says to a request without an id: error -32000 with the result, or an empty frame."""
    if result is None:
        return ""
    said = "Ignoring response because of a notification request"
    return encode_error(None, JsonRpcError(Code.SERVER_ERROR, said, result))


def encode_event(object_id: str, event_type: str, data: Mapping[str, Any]) -> str:
    """Write an `onEvent`; `data` goes out as given: source, tags and timestampMillis are the caller's."""
    value = {"data": dict(data), "object": object_id, "type": event_type}
    return encode({"jsonrpc": "2.0", "method": "onEvent", "params": {"value": value}})


def cache_key(request_id: RequestId) -> str:
    """Return the id as Kurento's request cache spells it: `1` and `"1"` are the same (protocol 4)."""
    if isinstance(request_id, bool):
        return "true" if request_id else "false"
    return str(request_id)


def _invalid() -> Malformed:
    return Malformed(JsonRpcError.kurento(Code.INVALID_REQUEST, "Invalid JSON-RPC request."))
