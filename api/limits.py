"""The edge of the API, pure ASGI: request ids, the bound on bodies, a problem body for bugs, and the counts.

Not BaseHTTPMiddleware: behind one a long poll never learns that its client has left.
"""

import asyncio
import re
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import Metrics
from api.problems import response_of
from callplane.contracts.bounds import BODY_BYTES
from callplane.contracts.errors import Problem
from callplane.contracts.ids import new_id
from callplane.telemetry.logs import logger

BODY_WAIT = 30.0
_OUR_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")


class Edge:
    """Names each request, counts it, and answers 500 with a problem body where the program has a bug.

    While the program drains every answer ends its connection: what its client, or a proxy, asks next goes to another
    pod, where it would be told to come again here.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, draining: asyncio.Event) -> None:
        self._app = app
        self._metrics = metrics
        self._draining = draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, request_id(scope), self._draining)
        began = time.perf_counter()
        try:
            await self._app(scope, receive, answer)
        except Exception:
            logger("api").exception("bug", method=scope["method"], route=_route(scope))
            if not answer.status:
                await response_of(Problem(code="internal"), scope)(scope, receive, answer)
        finally:
            self._metrics.answered(scope["method"], _route(scope), answer.status, time.perf_counter() - began)


class BodyBound:
    """Reads a body of at most 256 KiB before the program sees the request; a longer one is refused, declared or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        problem: Problem | None = None
        body = b""
        try:
            async with asyncio.timeout(BODY_WAIT):
                body = await _read(scope, receive)
        except _TooLarge:
            problem = Problem(code="too-large", detail=f"A body has at most {BODY_BYTES} bytes.")
        except TimeoutError:
            problem = Problem(code="bad-request", detail=f"The body did not arrive within {BODY_WAIT:.0f} s.")
        except _Gone:
            return
        if problem:
            await response_of(problem, scope)(scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)


class _TooLarge(Exception):
    """More bytes than a body may have."""


class _Gone(Exception):
    """The client left before its body was complete."""


class _Answer:
    """Remembers the status that goes out, and adds the request's id and whether the connection ends."""

    def __init__(self, send: Send, request_id: str, draining: asyncio.Event) -> None:
        self._send = send
        self._header = (b"x-request-id", request_id.encode())
        self._draining = draining
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            last = [(b"connection", b"close")] if self._draining.is_set() else []
            message = {**message, "headers": [*message.get("headers", ()), self._header, *last]}
        await self._send(message)


def request_id(scope: Scope) -> str:
    """What a request is called: as its caller does, if that is an id, else as we do; always the same once asked."""
    if "callplane.request_id" not in scope:
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        scope["callplane.request_id"] = given.decode() if _OUR_ID.fullmatch(given) else new_id()
    return str(scope["callplane.request_id"])


def _route(scope: Scope) -> str:
    """The route's template: a label per path would let callers make labels without end."""
    return getattr(scope.get("route"), "path", "none")


def _has_body(scope: Scope) -> bool:
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])


async def _read(scope: Scope, receive: Receive) -> bytes:
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    if len(declared) > 18 or int(declared) > BODY_BYTES:
        raise _TooLarge
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_BYTES:
            raise _TooLarge
        more = message.get("more_body", False)
    return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
