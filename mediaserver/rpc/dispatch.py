"""RPC dispatcher: from a frame to its answer; injects the session, asks the cache, calls the method, binds."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from kurento_client.jsonrpc import (
    Code,
    JsonRpcError,
    Malformed,
    Notification,
    NotJson,
    Request,
    encode_error,
    encode_notification_answer,
    encode_result,
    parse_request,
)
from mediaserver.errors import unexpected
from mediaserver.rpc import params as read
from mediaserver.rpc.cache import RequestCache
from mediaserver.rpc.methods import Methods, needs_session
from mediaserver.rpc.params import Params
from mediaserver.rpc.transaction import run_transaction
from mediaserver.sessions import Sessions, Sink

log = structlog.get_logger(__name__)

Call = Callable[[str, Params], Awaitable[Any]]


class DropConnection(Exception):
    """The frame was such that Kurento cuts the line without a word (protocol 2.4)."""


@dataclass(frozen=True)
class _Method:
    call: Call
    mints: bool


class Dispatcher:
    """Answers the frames of all connections."""

    def __init__(self, methods: Methods, sessions: Sessions, cache: RequestCache) -> None:
        self._methods = methods
        self._sessions = sessions
        self._cache = cache
        minting: dict[str, Call] = {
            "create": methods.create,
            "invoke": methods.invoke,
            "subscribe": methods.subscribe,
            "describe": methods.describe,
            "release": methods.release,
            "transaction": self._transaction,
        }
        needing: dict[str, Call] = {
            "unsubscribe": methods.unsubscribe,
            "ref": methods.ref,
            "unref": methods.unref,
            "keepAlive": methods.keep_alive,
            "closeSession": methods.close_session,
        }
        self._table = {name: _Method(call, mints=True) for name, call in minting.items()}
        self._table |= {name: _Method(call, mints=False) for name, call in needing.items()}

    async def answer(self, connection: Sink, frame: str | bytes) -> str:
        """Execute one frame and return what to send back."""
        received = parse_request(frame)
        match received:
            case NotJson():
                raise DropConnection(received.reason)
            case Malformed():
                return self._malformed(connection, frame, received)
            case Notification():
                return await self._notified(connection, received)
            case Request():
                return await self._requested(connection, received)

    def _malformed(self, connection: Sink, frame: str | bytes, received: Malformed) -> str:
        batch = frame.lstrip()[:1] in ("[", b"[")
        if connection.session_id is not None and (batch or received.error.code == Code.INTERNAL_ERROR):
            raise DropConnection("batch or positional params on a bound connection")
        return encode_error(received.id, received.error)

    async def _notified(self, connection: Sink, note: Notification) -> str:
        try:
            result = await self._execute(connection, note.method, note.params)
        except JsonRpcError as refused:
            return encode_error(None, refused)
        # what goes back is an error, and errors bind nothing (protocol 2.2)
        return encode_notification_answer(result)

    async def _requested(self, connection: Sink, request: Request) -> str:
        params = _injected(connection, request.params)
        session_id = read.session(params or {})
        if session_id is not None and self._knows(request.method):
            stored = self._cache.find(session_id, request.id)
            if stored is not None:
                self._bind(connection, {"sessionId": stored.session_id})
                return stored.text
        bound: str | None = None
        try:
            result = await self._execute(connection, request.method, request.params)
        except JsonRpcError as refused:
            text = encode_error(request.id, refused)
        else:
            bound = self._bind(connection, result)
            text = encode_result(request.id, result)
        key = bound if bound is not None else session_id
        if key is not None:
            self._cache.store(key, request.id, text, bound)
        return text

    def _knows(self, method: str) -> bool:
        return method in self._table or method in ("ping", "connect")

    def _bind(self, connection: Sink, result: Any) -> str | None:
        session_id = result.get("sessionId") if isinstance(result, dict) else None
        if not session_id:
            return None
        self._sessions.bind(session_id, connection)
        return str(session_id)

    async def _execute(self, connection: Sink, method: str, given: Params | None) -> Any:
        if not self._knows(method):
            raise JsonRpcError.kurento(Code.METHOD_NOT_FOUND, "Method not found.")
        params = _injected(connection, given)
        session_id = read.session(params or {})
        if method == "ping":
            return {"value": "pong", **({} if session_id is None else {"sessionId": session_id})}
        if method == "connect":
            return await self._connect(connection, session_id, given)
        if params is None:
            raise JsonRpcError.kurento(Code.INVALID_PARAMS, "'params' is required")
        return await self._guarded(self._table[method], session_id, params)

    async def _connect(self, connection: Sink, session_id: str | None, given: Params | None) -> Any:
        if session_id is not None and session_id == connection.session_id and "sessionId" not in (given or {}):
            return await self._methods.rebind(session_id, {})
        return await self._methods.connect(session_id, given or {})

    async def _guarded(self, method: _Method, session_id: str | None, params: Params) -> Any:
        if session_id is None and not method.mints:
            raise needs_session()
        own = self._sessions.mint() if session_id is None else session_id
        try:
            result = await method.call(own, params)
        except JsonRpcError:
            raise
        except Exception as bug:
            log.exception("method failed", error=repr(bug))
            raise unexpected(type(bug).__name__) from bug
        return result if result is None else {"sessionId": own, **result}

    async def _transaction(self, session_id: str, params: Params) -> Any:
        async def step(method: str, inner: Params) -> Any:
            known = self._table.get(method)
            if method == "ping":
                return {"value": "pong", "sessionId": session_id}
            if known is None:
                raise JsonRpcError.kurento(Code.METHOD_NOT_FOUND, "Method not found.")
            return await self._guarded(known, session_id, inner)

        return {"value": await run_transaction(params, session_id, step)}


def _injected(connection: Sink, params: Params | None) -> Params | None:
    """Add the bound session where the caller names none, even if there are no params at all (2.2)."""
    if connection.session_id is None or read.session(params or {}) is not None:
        return params
    return {**(params or {}), "sessionId": connection.session_id}
