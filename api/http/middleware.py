"""Request middleware, pure ASGI: once around each request its id, its trace, its log line, its counts, and its 500.

Not BaseHTTPMiddleware: behind one a long poll never learns that its client has left.
"""

import asyncio
import re
from contextlib import nullcontext
from time import perf_counter

from opentelemetry.trace import Span, SpanKind
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problems import response_of
from api.metrics import Metrics
from callplane.contracts.errors import Problem
from callplane.contracts.ids import new_id
from callplane.telemetry.logs import log_context, logger
from callplane.telemetry.traces import Traces, span, trace_id

_OUR_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")

# Of other paths nothing is known before they are routed; of these the names are wanted on the lines in between.
_SESSION = re.compile(r"/sessions/([A-Za-z0-9._-]{1,128})(?:/participants/([A-Za-z0-9._-]{1,128}))?(?:/.*)?")

# Asked all the time by machines and by everybody in a call: a span or a line of each would drown the others.
_QUIET = ("/messages", "/livez", "/readyz", "/metrics")


class RequestMiddleware:
    """Names each request on every line about it, tells how it ended, and answers 500 where the program has a bug.

    While the program drains every answer ends its connection: what its client, or a proxy, asks next goes to another
    pod, where it would be told to come again here.
    """

    def __init__(self, app: ASGIApp, traces: Traces, metrics: Metrics, draining: asyncio.Event) -> None:
        self._app = app
        self._traces = traces
        self._metrics = metrics
        self._draining = draining
        self._log = logger("api").bind()  # made once: what ``logger`` gives makes another for each line

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        own_id = scope["callplane.request_id"] = _id_of(headers.get(b"x-request-id", b""))
        names = {"request_id": own_id, **_names(scope["path"])}
        place = headers.get(b"traceparent", b"").decode("latin-1")
        with self._traces.taken_up(place), log_context(trace_id=trace_id(), **names):
            if scope["type"] != "http":  # A socket, whose end is nobody's answer.
                await self._app(scope, receive, send)
                return
            quiet = scope["path"].startswith(_QUIET)
            with nullcontext() if quiet else span(scope["method"], SpanKind.SERVER) as recorded:
                await self._serve(scope, receive, _Answer(send, own_id, self._draining), recorded)

    async def _serve(self, scope: Scope, receive: Receive, answer: "_Answer", recorded: Span | None) -> None:
        began = perf_counter()
        try:
            await self._app(scope, receive, answer)
        except Exception:
            self._log.exception("bug", method=scope["method"], route=_route(scope))
            if not answer.status:
                await response_of(Problem(code="internal"), scope)(scope, receive, answer)
        finally:
            self._tell(scope, answer.status, perf_counter() - began, recorded)

    def _tell(self, scope: Scope, status: int, seconds: float, recorded: Span | None) -> None:
        """The route is known only now: a span's name with ids in it would be another for every request."""
        method, route = scope["method"], _route(scope)
        self._metrics.answered(method, route, status, seconds)
        if recorded is not None:
            recorded.update_name(f"{method} {route}")
            recorded.set_attributes(
                {"http.request.method": method, "http.route": route, "http.response.status_code": status}
            )
        write = self._log.debug if scope["path"].startswith(_QUIET) else self._log.info
        write("request", ms=round(seconds * 1000, 1), method=method, route=route, status=status)


class _Answer:
    """Remembers the status that goes out, and adds the request's id and whether the connection ends."""

    def __init__(self, send: Send, request_id: str, draining: asyncio.Event) -> None:
        self._send = send
        self._headers = [(b"x-request-id", request_id.encode()), (b"x-content-type-options", b"nosniff")]
        self._draining = draining
        self.status = 0
        """Zero while none has gone out: the client may leave before."""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            last = [(b"connection", b"close")] if self._draining.is_set() else []
            message = {**message, "headers": [*message.get("headers", ()), *self._headers, *last]}
        await self._send(message)


def _id_of(given: bytes) -> str:
    """What a request is called: as its caller does, if that is an id, else as we do."""
    return given.decode() if _OUR_ID.fullmatch(given) else new_id()


def _route(scope: Scope) -> str:
    """The route's template: a label per path would let callers make labels without end."""
    return getattr(scope.get("route"), "path", "none")


def _names(path: str) -> dict[str, str | None]:
    found = _SESSION.fullmatch(path)
    return {"session_id": found[1], "participant_id": found[2]} if found else {}
