"""Direct requests: those that calls are made of, as they mostly come, in plain ASGI, past the framework's layers.

Those are a third of what one costs here. Whatever is otherwise, or cannot be read, goes through the framework with its
body and is told there; a refusal here is answered by the handlers that the framework has of us.
"""

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth.permissions import Permissions
from api.dependencies import ApiRequest, Permission, authenticate, request_of
from api.guarded_route import GuardedRoute, has_body, read_body
from api.http.direct import answered
from api.routes import connections, participants, sessions, signals
from api.schemas.requests import CandidatesBody, CreateBody, JoinBody, OfferBody, SignalBody
from api.services import Services, services_of

_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_KEY = re.compile(rb"[\x21-\x7e]{16,128}")
_JSON = re.compile(rb"application/json(?:; ?charset=utf-8)?", re.I)

Names = dict[str, Any]
"""The ids in a path, by what the route calls them."""

_Work = Callable[[ApiRequest, Services, Names, Any], Awaitable[BaseModel | Response | None]]
"""Calls the route's function, with the body as the last argument, which is None where there is none."""


@dataclass(frozen=True, slots=True)
class _Direct:
    """One kind of request that is served here."""

    route: GuardedRoute
    permission: Permission[..., Any]
    work: _Work
    body: type[BaseModel] | None = None
    has_key: bool = False
    """Whether its requests may have an Idempotency-Key."""


def _direct(
    noun: Any, function: Callable[..., Any], permission: Permission[..., Any], work: _Work, **more: Any
) -> _Direct:
    route = next(route for route in noun.router.routes if route.endpoint is function)
    return _Direct(route, permission, work, **more)


async def _create(request: ApiRequest, services: Services, _names: Names, body: CreateBody) -> BaseModel:
    return await sessions.create(body, request, services.tenants)


async def _close(request: ApiRequest, _services: Services, names: Names, _body: None) -> None:
    await sessions.close(**names, request=request)


async def _join(request: ApiRequest, services: Services, names: Names, body: JoinBody) -> BaseModel:
    return await participants.join(
        **names, body=body, request=request, tokens=services.participant_tokens, ice_servers=services.ice_servers
    )


async def _leave(request: ApiRequest, _services: Services, names: Names, _body: None) -> None:
    await participants.leave(**names, request=request)


async def _offer(request: ApiRequest, _services: Services, names: Names, body: OfferBody) -> BaseModel | Response:
    return await connections.offer(**names, body=body, request=request)


async def _trickle(request: ApiRequest, services: Services, names: Names, body: CandidatesBody) -> Response:
    return await connections.trickle(**names, body=body, request=request, connections=services.connections)


async def _signal(request: ApiRequest, services: Services, names: Names, body: SignalBody) -> BaseModel:
    return await signals.signal(
        **names, body=body, request=request, signals=services.signals, rate_limits=services.rate_limits
    )


_DIRECT: dict[str, Sequence[_Direct]] = {
    "POST": (
        _direct(signals, signals.signal, Permissions.signal, _signal, body=SignalBody, has_key=True),
        _direct(connections, connections.trickle, Permissions.seat, _trickle, body=CandidatesBody),
        _direct(connections, connections.offer, Permissions.seat, _offer, body=OfferBody, has_key=True),
        _direct(participants, participants.join, Permissions.join, _join, body=JoinBody, has_key=True),
        _direct(sessions, sessions.create, Permissions.create, _create, body=CreateBody, has_key=True),
    ),
    "DELETE": (
        _direct(participants, participants.leave, Permissions.remove_seat, _leave),
        _direct(sessions, sessions.close, Permissions.steer, _close),
    ),
}
"""By method; those that come most often first."""


class DirectRequests:
    """Between what stands around every request and the work of those that calls are made of."""

    def __init__(self, app: FastAPI, otherwise: ASGIApp) -> None:
        self._app = app
        self._otherwise = otherwise
        """Serves everything else."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        found = _found(scope)
        if found is None:
            await self._otherwise(scope, receive, send)
            return
        direct, names = found
        scope["app"], scope["route"], scope["path_params"] = self._app, direct.route, names
        http = Request(scope, receive, send)
        answer = await answered(self._app, http, self._answer(http, direct, names))
        await answer(scope, receive, send)

    async def _answer(self, http: Request, direct: _Direct, names: Names) -> Response:
        services = services_of(http)
        credential = authenticate(services, http)
        if direct.body is None:
            return await _done(http, direct, names, None)
        with services.rate_limits.under_way(credential):
            body = _read(direct.body, await read_body(http, direct.route.body_bytes))
            if body is None:
                return _Replayed(self._app, await http.body())
            return await _done(http, direct, names, body)


async def _done(http: Request, direct: _Direct, names: Names, body: BaseModel | None) -> Response:
    """The answer that the framework would make of what the route returns."""
    said = Response(status_code=direct.route.status_code or 200)
    key = http.headers.get("idempotency-key") if direct.has_key else None
    request = request_of(http, said, direct.permission, key)
    made = await direct.work(request, services_of(http), names, body)
    if isinstance(made, Response):
        return made
    content = "" if made is None else made.model_dump_json(by_alias=True)
    answer = Response(content, said.status_code, media_type="application/json")
    answer.raw_headers += [header for header in said.raw_headers if header[0] != b"content-length"]
    return answer


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


def _found(scope: Scope) -> tuple[_Direct, Names] | None:
    """What is asked for; None of what is none of these, or has a head that only the framework reads."""
    if scope["type"] != "http" or not scope["path"].startswith("/sessions"):
        return None
    for direct in _DIRECT.get(scope["method"], ()):
        named = direct.route.path_regex.match(scope["path"])
        if named is not None:
            names = named.groupdict()
            plain = all(map(_ID.fullmatch, names.values())) and _is_plain(scope, direct)
            return (direct, names) if plain else None
    return None


def _is_plain(scope: Scope, direct: _Direct) -> bool:
    """Whether its head is as most have it: nothing in the query, and JSON where there is a body."""
    if scope["query_string"]:
        return False
    if direct.body is None:
        return not has_body(scope)
    kinds = [value for name, value in scope["headers"] if name == b"content-type"]
    keys = [value for name, value in scope["headers"] if name == b"idempotency-key"]
    return len(kinds) == 1 and bool(_JSON.fullmatch(kinds[0])) and len(keys) <= 1 and all(map(_KEY.fullmatch, keys))


def _read(kind: type[BaseModel], body: bytes) -> BaseModel | None:
    """What it says; None where that cannot be read."""
    try:
        return kind.model_validate(json.loads(body))
    except (ValueError, RecursionError):
        return None
