"""A real WebSocket server that answers as it is told to, for the faults that no honest server has."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from kurento_client import KurentoClient, Options, connect
from kurento_client.jsonrpc import (
    Code,
    JsonRpcError,
    Malformed,
    Notification,
    NotJson,
    Request,
    encode_error,
    encode_event,
    encode_result,
    parse_request,
)

Answer = Callable[[Request], Any]
"""Returns the `value` of a request, raises JsonRpcError, or returns SILENCE."""

SILENCE = object()


@dataclass(frozen=True, slots=True)
class Whole:
    """A complete result, for answers that are more than a `value`."""

    result: Any


class ScriptedKurento:
    """Knows sessions and `connect`; everything else is answered by `answers`, by method or operation name."""

    def __init__(self) -> None:
        self.server_id = str(uuid4())
        self.sessions: set[str] = set()
        self.requests: list[Request] = []
        self.answers: dict[str, Answer] = {}
        self.greets = True
        self.greeting: Whole | None = None
        self.port = 0
        self._came = asyncio.Event()
        self._sockets: set[ServerConnection] = set()
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """Where it listens, or listened."""
        return f"ws://127.0.0.1:{self.port}/kurento"

    async def start(self) -> None:
        """Listen, on the port of before if there was one."""
        self._server = await serve(self._converse, "127.0.0.1", self.port, max_size=None, ping_interval=None)
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, with every connection cut as by kill -9."""
        assert self._server is not None
        self._server.close(close_connections=False)
        self.cut()
        await self._server.wait_closed()

    def restart_process(self) -> None:
        """Become a new, empty process, with every connection cut."""
        self.server_id = str(uuid4())
        self.sessions.clear()
        self.cut()

    def cut(self) -> None:
        """End every connection without a close frame."""
        for socket in self._sockets:
            socket.transport.abort()

    def freeze(self) -> None:
        """Read nothing more, pings included, as a stopped process does."""
        for socket in self._sockets:
            socket.transport.pause_reading()

    async def emit(self, object_id: str, event_type: str, /, **data: Any) -> None:
        """Send an event on every connection."""
        for socket in self._sockets:
            await socket.send(encode_event(object_id, event_type, data))

    async def send(self, text: str) -> None:
        """Send any text on every connection."""
        for socket in self._sockets:
            await socket.send(text)

    async def received(self, name: str, count: int = 1) -> Request:
        """Wait for the latest of `count` requests of one method or operation."""
        while True:
            found = [each for each in self.requests if name in (each.method, _operation(each))]
            if len(found) >= count:
                return found[-1]
            self._came.clear()
            await self._came.wait()

    async def _converse(self, socket: ServerConnection) -> None:
        self._sockets.add(socket)
        try:
            async for text in socket:
                match parse_request(text):
                    case Request() as request:
                        self.requests.append(request)
                        self._came.set()
                        answer = self._answer(request)
                        if answer is not None:
                            await socket.send(answer)
                    case Notification() | Malformed() | NotJson() as wrong:
                        raise AssertionError(f"the client sent {wrong}")
        except ConnectionClosed:
            pass
        finally:
            self._sockets.discard(socket)

    def _answer(self, request: Request) -> str | None:
        if request.method == "connect" and not self.greets:
            return None
        try:
            result = self._connect(request) if request.method == "connect" else self._call(request)
        except JsonRpcError as error:
            return encode_error(request.id, error)
        return None if result is SILENCE else encode_result(request.id, result)

    def _connect(self, request: Request) -> Any:
        if self.greeting is not None:
            return self.greeting.result
        asked = (request.params or {}).get("sessionId")
        if asked is not None and asked not in self.sessions:
            raise JsonRpcError.kurento(Code.INVALID_SESSION, "Invalid session")
        session = asked or str(uuid4())
        self.sessions.add(session)
        return {"serverId": self.server_id, "sessionId": session}

    def _call(self, request: Request) -> Any:
        answer = self.answers.get(_operation(request)) or self.answers.get(request.method)
        value = answer(request) if answer else None
        if value is SILENCE:
            return SILENCE
        if isinstance(value, Whole):
            return value.result
        return {"sessionId": (request.params or {})["sessionId"], "value": value}


def _operation(request: Request) -> str:
    return str((request.params or {}).get("operation", ""))


@asynccontextmanager
async def scripted_kurento() -> AsyncIterator[ScriptedKurento]:
    """Run one; it has stopped when the block ends."""
    kurento = ScriptedKurento()
    await kurento.start()
    try:
        yield kurento
    finally:
        await kurento.stop()


@asynccontextmanager
async def conversation(
    options: Options | None = None,
) -> AsyncIterator[tuple[ScriptedKurento, KurentoClient]]:
    """Run a server and a client that is connected to it."""
    async with scripted_kurento() as kurento, connect(kurento.url, options) as client:
        await client.opened(timeout=5)
        yield kurento, client
