"""JSON-RPC of a client: calls out, answers and events in."""

import itertools
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from kurento_client.jsonrpc.messages import ErrorResponse, Event, Response, Stray
from kurento_client.jsonrpc.wire import decode, encode

Answer = Response | ErrorResponse
"""What ends a call."""

Incoming = Response | ErrorResponse | Event | Stray
"""What a frame from a server can hold."""


class RequestIds:
    """Integers that rise by one from a random start.

    Kurento answers a repeated (session, id) within 20 s from its cache, whatever the method (protocol 4): ids
    must differ between the sockets and the processes that may ever use one session. 52 random bits see to it,
    and the sum stays below 2**53, which every JSON reader keeps exact.
    """

    def __init__(self, start: int | None = None) -> None:
        self._count: Iterator[int] = itertools.count(secrets.randbelow(2**52) if start is None else start)

    def __next__(self) -> int:
        return next(self._count)


class ClientProtocol:
    """The state of one conversation with a server: ids, what is pending, the session; no I/O.

    It outlives a socket: `session_id` is what a reconnect asks for again.
    """

    def __init__(self, ids: RequestIds | None = None, session_id: str | None = None) -> None:
        self._ids = ids or RequestIds()
        self._pending: set[int] = set()  # Ids of calls that wait for their answer.
        self.session_id = session_id

    @property
    def pending(self) -> int:
        """How many calls have not been answered yet."""
        return len(self._pending)

    def call(self, method: str, params: Mapping[str, Any] | None = None) -> tuple[int, str]:
        """Return the id and text of a new call; the session goes along once it is known (protocol 2.2)."""
        message: dict[str, Any] = {"id": next(self._ids), "jsonrpc": "2.0", "method": method}
        if self.session_id is not None:
            params = {"sessionId": self.session_id, **(params or {})}
        if params is not None:
            message["params"] = params
        text = encode(message)
        self._pending.add(message["id"])
        return message["id"], text

    def receive(self, text: str | bytes) -> list[Incoming]:
        """Read one frame; never raises: what cannot be read is a `Stray` (protocol 15.1)."""
        if not text.strip():
            return []  # Kurento's answer to a notification without a result (protocol 2.3)
        try:
            message = decode(text)
        except ValueError as wrong:
            return [Stray(f"not JSON: {wrong}")]
        return [self._read(each) for each in (message if isinstance(message, list) else [message])]

    def forget(self, call_id: int) -> None:
        """Stop waiting for a call; its late answer will be a stray."""
        self._pending.discard(call_id)

    def disconnected(self) -> list[int]:
        """Return the ids whose outcome will never be known, and wait for none of them any more."""
        unknown = sorted(self._pending)
        self._pending.clear()
        return unknown

    def _read(self, message: Any) -> Incoming:
        if not isinstance(message, Mapping):
            return Stray("not an object", message)
        if "method" in message:
            return _event(message)
        call_id = message.get("id")
        # True == 1 in Python, and a cached answer may come with a text id: only our own type counts.
        if type(call_id) is not int or call_id not in self._pending:
            return Stray("answer to no pending call", message)
        if "error" not in message and "result" not in message:
            return Stray("neither result nor error", message)
        self._pending.discard(call_id)
        if message.get("error") is not None:
            return _error(call_id, message["error"])
        return self._result(call_id, message.get("result"))

    def _result(self, call_id: int, result: Any) -> Response:
        response = Response(call_id, result)
        if response.session_id is not None:
            self.session_id = response.session_id
        return response


def _error(call_id: int, body: Any) -> ErrorResponse:
    if not isinstance(body, Mapping):
        return ErrorResponse(call_id, 0, str(body))
    code, message = body.get("code"), body.get("message")
    number = int(code) if isinstance(code, int | float) else 0
    return ErrorResponse(call_id, number, message if isinstance(message, str) else "", body.get("data"))


def _event(message: Mapping[str, Any]) -> Event | Stray:
    params = message.get("params")
    value = params.get("value") if isinstance(params, Mapping) else None
    if message.get("method") != "onEvent" or not isinstance(value, Mapping):
        return Stray("unknown notification", message)
    object_id, event_type = value.get("object"), value.get("type")
    if not isinstance(object_id, str) or not isinstance(event_type, str):
        return Stray("event without object or type", message)
    data = value.get("data")
    return Event(object_id, event_type, data if isinstance(data, Mapping) else {})
