"""The edge of the API, pure ASGI: request ids, a problem body for bugs, and the counts.

Not BaseHTTPMiddleware: behind one a long poll never learns that its client has left.
"""

import asyncio
import re
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problems import response_of
from api.metrics import Metrics
from callplane.contracts.errors import Problem
from callplane.contracts.ids import new_id
from callplane.telemetry.logs import logger

_OUR_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")


class RequestMiddleware:
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


class _Answer:
    """Remembers the status that goes out, and adds the request's id and whether the connection ends."""

    def __init__(self, send: Send, request_id: str, draining: asyncio.Event) -> None:
        self._send = send
        self._headers = [(b"x-request-id", request_id.encode()), (b"x-content-type-options", b"nosniff")]
        self._draining = draining
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            last = [(b"connection", b"close")] if self._draining.is_set() else []
            message = {**message, "headers": [*message.get("headers", ()), *self._headers, *last]}
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
