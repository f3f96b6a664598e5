"""CORS: answers requests from pages of other sites (Fetch standard), for the origins in the settings."""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.problems import response_of
from callplane.contracts.errors import Problem

_ASKED = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "Last-Event-ID",
    "X-API-Key",
    "X-Request-Id",
    "traceparent",
)
_SHOWN = ("ETag", "Location", "Retry-After", "X-Request-Id")


class Cors(CORSMiddleware):
    """Starlette's, but a preflight that is turned down gets a problem body like every other refusal."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST", "PATCH", "DELETE"),
            allow_headers=_ASKED,
            expose_headers=_SHOWN,
            max_age=600,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if _is_preflight(scope):
            answer = self.preflight_response(Headers(scope=scope))
            if answer.status_code >= 400:
                detail = bytes(answer.body).decode() if isinstance(answer, PlainTextResponse) else ""
                await response_of(Problem(code="bad-request", detail=detail), scope)(scope, receive, send)
                return
        await super().__call__(scope, receive, send)


def _is_preflight(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "OPTIONS":
        return False
    headers = Headers(scope=scope)
    return "origin" in headers and "access-control-request-method" in headers
