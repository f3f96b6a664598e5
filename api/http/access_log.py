"""What is told of each HTTP request: its names on every line, a span where traces are recorded, a line at its end."""

import re
from contextlib import ExitStack
from time import perf_counter
from typing import Any

from opentelemetry.trace import Span, SpanKind
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.middleware import request_id
from callplane.telemetry.logs import lines_about, logger
from callplane.telemetry.traces import Traces, span, trace_id

# Of other paths nothing is known before they are routed; of these the names are wanted on the lines in between.
_SESSION = re.compile(r"/sessions/([A-Za-z0-9._-]{1,128})(?:/participants/([A-Za-z0-9._-]{1,128}))?(?:/.*)?")

# Asked all the time by machines and by everybody in a call: a span or a line of each would drown the others.
_QUIET = ("/messages", "/livez", "/readyz", "/metrics")


class AccessLog:
    """Stands around everything else, so that also what the edge has to say of a bug carries the names."""

    def __init__(self, app: ASGIApp, traces: Traces) -> None:
        self._app = app
        self._traces = traces
        self._log = logger("api")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        with ExitStack() as around:
            around.enter_context(self._traces.taken_up(_header(scope, b"traceparent")))
            names = _names(scope["path"])
            around.enter_context(lines_about(request_id=request_id(scope), trace_id=trace_id(), **names))
            if scope["type"] != "http":  # A socket, whose end is nobody's answer.
                await self._app(scope, receive, send)
                return
            quiet = scope["path"].startswith(_QUIET)
            made = None if quiet else around.enter_context(span(scope["method"], SpanKind.SERVER))
            await self._serve(scope, receive, _Status(send), made)

    async def _serve(self, scope: Scope, receive: Receive, send: "_Status", made: Span | None) -> None:
        began = perf_counter()
        try:
            await self._app(scope, receive, send)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            _tell(made, scope, route, send.status)
            told: dict[str, Any] = {"method": scope["method"], "route": route, "status": send.status}
            write = self._log.debug if scope["path"].startswith(_QUIET) else self._log.info
            write("request", ms=round((perf_counter() - began) * 1000, 1), **told)


class _Status:
    """Remembers the status that goes out; 0 while none has: the client may leave before."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


def _tell(made: Span | None, scope: Scope, route: str, status: int) -> None:
    """The route is known only now: a name with ids in it would be another for every request."""
    if made is not None:
        made.update_name(f"{scope['method']} {route}")
        made.set_attributes(
            {"http.request.method": scope["method"], "http.route": route, "http.response.status_code": status}
        )


def _names(path: str) -> dict[str, str | None]:
    found = _SESSION.fullmatch(path)
    return {"session_id": found[1], "participant_id": found[2]} if found else {}


def _header(scope: Scope, name: bytes) -> str | None:
    value: bytes | None = dict(scope["headers"]).get(name)
    return value.decode("latin-1") if value else None
