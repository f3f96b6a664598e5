"""Requests over a WebSocket: each is served by the whole program as if it had come by HTTP, and answered with a frame.

So contracts, limits, problems, metrics and log lines are those of HTTP, whatever routes there will be.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field
from starlette.types import ASGIApp, Message, Scope, Send
from starlette.websockets import WebSocketDisconnect

from api.auth.tokens import SEAT, SeatToken
from api.http.problems import body_of
from api.http.slow_clients import SlowClient
from api.http.versions import VERSION
from callplane.concurrency import single_exception
from callplane.contracts.errors import Problem
from callplane.flag import Flag

UNDER_WAY = 16
"""Requests of one socket at a time; one more is refused."""

WITHIN = 30.0
"""No request takes longer, those before it on the same path with it."""

_SHOWN = {b"etag", b"location", b"retry-after"}
_TEXT = r"^[\x21-\x7e]+$"


class RequestFrame(BaseModel):
    """A request of the client, as a frame; ``request`` is what its reply is called."""

    model_config = ConfigDict(extra="forbid", strict=True)

    request: str = Field(min_length=1, max_length=64)
    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str = Field(max_length=2048, pattern=r"^/[\x21-\x7e]*$", description="with its query")
    idempotency_key: str | None = Field(default=None, max_length=256, pattern=_TEXT)
    if_match: str | None = Field(default=None, max_length=64, pattern=_TEXT)
    body: Any = None


class SocketRequests:
    """Those of one socket, in the name of its seat; what comes on one path is done in the order in which it came."""

    def __init__(self, program: ASGIApp, socket: Scope, seat: SeatToken, tasks: asyncio.TaskGroup) -> None:
        self._program = program
        self._socket = socket
        self._seat = seat
        self._tasks = tasks
        self._under_way = 0
        self._last: dict[str, asyncio.Task[None]] = {}
        """The latest on each path that is not over."""
        self.left = Flag()
        """Set when the socket has ended: what is under way goes on, as it does by HTTP, and nobody is told."""

    async def begin(self, frame: RequestFrame, send: Send) -> None:
        """Serve it beside the others; where there are too many, or it is for elsewhere, the reply is a problem."""
        path = unquote(frame.path.partition("?")[0])
        plain = path.removeprefix(VERSION)
        problem = None
        if self._under_way >= UNDER_WAY:
            problem = Problem(code="too-many-requests", detail=f"A socket has at most {UNDER_WAY} requests at a time.")
        elif plain != "/sessions" and not plain.startswith("/sessions/"):
            problem = Problem(code="not-found", detail="Over a socket there is what lies at /v1/sessions.")
        if problem is not None:
            await self._reply(frame, refused(problem, path), send)
            return
        self._under_way += 1
        task = self._tasks.create_task(self._serve(frame, path, self._last.get(plain), send))
        self._last[plain] = task
        task.add_done_callback(lambda done: self._over(plain, done))

    def _over(self, path: str, task: asyncio.Task[None]) -> None:
        self._under_way -= 1
        if self._last.get(path) is task:
            del self._last[path]

    async def _serve(self, frame: RequestFrame, path: str, before: asyncio.Task[None] | None, send: Send) -> None:
        answer = Answer()
        try:
            async with asyncio.timeout(WITHIN):
                if before is not None:
                    await asyncio.wait((before,))
                body = b"" if frame.body is None else json.dumps(frame.body).encode()
                pieces = [{"type": "http.request", "body": body, "more_body": False}]

                async def receive() -> Message:
                    if not pieces:
                        await self.left.wait()
                    return pieces.pop() if pieces else {"type": "http.disconnect"}

                await self._program(self._scope(frame, path, len(body)), receive, answer)
        except TimeoutError:
            answer = refused(Problem(code="unavailable"), path)
        await self._reply(frame, answer, send)

    def _scope(self, frame: RequestFrame, path: str, size: int) -> Scope:
        raw, _, query = frame.path.partition("?")
        headers = [header for header in self._socket["headers"] if header[0] == b"host"]
        headers += [(b"content-type", b"application/json"), (b"content-length", b"%d" % size)] if size else []
        for name, value in ((b"idempotency-key", frame.idempotency_key), (b"if-match", frame.if_match)):
            headers += [(name, value.encode())] if value is not None else []
        kept = {name: self._socket.get(name) for name in ("asgi", "client", "server", "root_path", "http_version")}
        return {
            **kept,
            "type": "http",
            "method": frame.method,
            "scheme": "https" if self._socket.get("scheme") == "wss" else "http",
            "path": path,
            "raw_path": raw.encode(),
            "query_string": query.encode(),
            "headers": headers,
            "state": {},
            SEAT: self._seat,
        }

    async def _reply(self, frame: RequestFrame, answer: "Answer", send: Send) -> None:
        if self.left.is_set() or not answer.status:
            return
        try:
            await send({"type": "websocket.send", "text": answer.text(frame.request)})
        except (SlowClient, WebSocketDisconnect, RuntimeError):
            # The last is what an ASGI server and Starlette say of a socket that has begun to close meanwhile.
            self.left.set()


@dataclass
class Answer:
    """What the program answers; nothing where it thinks that nobody listens."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: list[bytes] = field(default_factory=list)

    async def __call__(self, message: Message) -> None:
        """Take a piece of it."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            shown = [(name.lower(), value) for name, value in message["headers"] if name.lower() in _SHOWN]
            self.headers = {name.decode(): value.decode("latin-1") for name, value in shown}
        else:
            self.body.append(message.get("body", b""))

    def text(self, request: str) -> str:
        """The frame; a body stays the text that the program made."""
        head = json.dumps({"reply": request, "status": self.status, "headers": self.headers})
        return f'{head[:-1]}, "body": {b"".join(self.body).decode() or "null"}}}'


def refused(problem: Problem, path: str) -> Answer:
    """A problem that the socket itself has with a request."""
    headers = {"retry-after": str(problem.retry_after or 1)} if problem.retryable else {}
    return Answer(problem.status, headers, [json.dumps(body_of(problem, {"path": path})).encode()])


@asynccontextmanager
async def requests_of(program: ASGIApp, socket: Scope, seat: SeatToken) -> AsyncIterator[SocketRequests]:
    """For the block; what is under way at its end is waited for, within its deadline."""
    with single_exception():
        async with asyncio.TaskGroup() as tasks:
            requests = SocketRequests(program, socket, seat, tasks)
            try:
                yield requests
            finally:
                requests.left.set()
