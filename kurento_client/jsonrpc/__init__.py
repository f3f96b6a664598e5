"""JSON-RPC 2.0 as Kurento speaks it: values and text only, no I/O; it serves a client and a server alike."""

from kurento_client.jsonrpc.client import Answer, ClientProtocol, Incoming, RequestIds
from kurento_client.jsonrpc.codes import Code, type_name
from kurento_client.jsonrpc.messages import (
    ErrorResponse,
    Event,
    JsonRpcError,
    Malformed,
    Notification,
    NotJson,
    Request,
    RequestId,
    Response,
    Stray,
)
from kurento_client.jsonrpc.server import (
    Received,
    cache_key,
    encode_error,
    encode_event,
    encode_notification_answer,
    encode_result,
    parse_request,
)

__all__ = [
    "Answer",
    "ClientProtocol",
    "Code",
    "ErrorResponse",
    "Event",
    "Incoming",
    "JsonRpcError",
    "Malformed",
    "NotJson",
    "Notification",
    "Received",
    "Request",
    "RequestId",
    "RequestIds",
    "Response",
    "Stray",
    "cache_key",
    "encode_error",
    "encode_event",
    "encode_notification_answer",
    "encode_result",
    "parse_request",
    "type_name",
]
