"""Direct signals: signals as they mostly come, in plain ASGI, past the framework's layers (a third of what one costs).

Whatever is otherwise, or cannot be read, goes through the framework with its body and is told there; a refusal here is
answered by the handlers that the framework has of us.
"""

import json
import re
from dataclasses import replace

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth.permissions import Permissions
from api.dependencies import authenticate, request_of
from api.guarded_route import GuardedRoute, read_body
from api.http.direct import answered
from api.routes.signals import router, signal
from api.schemas.requests import SignalBody
from api.services import services_of
from callplane.contracts.ids import SessionId

_PATH = re.compile(r"/sessions/([A-Za-z0-9-]{1,64})/signals")
_KEY = re.compile(rb"[\x21-\x7e]{16,128}")
_JSON = re.compile(rb"application/json(?:; ?charset=utf-8)?", re.I)


class DirectSignals:
    """Between what stands around every request and the work of a signal."""

    def __init__(self, app: FastAPI, otherwise: ASGIApp) -> None:
        self._app = app
        self._otherwise = otherwise
        """Serves everything that is no such signal."""
        (self._route,) = router.routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        session_id = _session_of(scope)
        if session_id is None:
            await self._otherwise(scope, receive, send)
            return
        scope["app"], scope["route"] = self._app, self._route
        http = Request(scope, receive, send)
        answer = await answered(self._app, http, self._answer(http, session_id))
        await answer(scope, receive, send)

    async def _answer(self, http: Request, session_id: SessionId) -> Response:
        services = services_of(http)
        credential = authenticate(services, http)
        with services.rate_limits.under_way(credential):
            body = _read(await read_body(http, GuardedRoute.body_bytes))
            if body is None:
                return _Replayed(self._app, await http.body())
            request = replace(request_of(http, Response(), Permissions.signal), key=http.headers.get("idempotency-key"))
            sent = await signal(session_id, body, request, services.signals, services.rate_limits)
        return Response(sent.model_dump_json(), 202, media_type="application/json")


class _Replayed(Response):
    """The answer of the framework to a request whose body has been read already."""

    def __init__(self, app: FastAPI, body: bytes) -> None:
        self._app = app
        self._pieces: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask it."""

        async def again() -> Message:
            return self._pieces.pop() if self._pieces else await receive()

        await self._app(scope, again, send)


def _session_of(scope: Scope) -> SessionId | None:
    """The session that a signal is for; None of what is no signal, or has a head that only the framework reads."""
    found = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
    if found is None:
        return None
    kinds = [value for name, value in scope["headers"] if name == b"content-type"]
    keys = [value for name, value in scope["headers"] if name == b"idempotency-key"]
    plain = len(kinds) == 1 and _JSON.fullmatch(kinds[0]) and len(keys) <= 1 and all(map(_KEY.fullmatch, keys))
    return SessionId(found[1]) if plain else None


def _read(body: bytes) -> SignalBody | None:
    """What it says; None where that cannot be read."""
    try:
        return SignalBody.model_validate(json.loads(body))
    except (ValueError, RecursionError):
        return None
