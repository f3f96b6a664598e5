"""Guarded routes: know who asks before they take anything of a body, and take no more of it than they need.

What is read of a stranger's body would be memory and time that anybody can spend.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Message, Scope

from api.dependencies import authenticate
from api.http.disconnects import ClientDisconnected, told_now
from api.services import services_of
from callplane.contracts.bounds import BODY_BYTES, SMALL_BODY_BYTES
from callplane.contracts.refusals.requests import body_not_json, body_too_large, body_too_slow

BODY_WAIT = 30.0


class GuardedRoute(APIRoute):
    """A route for callers with a credential."""

    body_bytes = SMALL_BODY_BYTES

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler, behind the checks."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            services = services_of(request)
            credential = authenticate(services, request)
            if not has_body(request.scope):
                return await handle(request)
            if self.body_field is not None:
                _require_json(request)
            with services.rate_limits.under_way(credential):
                await read_body(request, self.body_bytes)
                return await handle(request)

        return guarded


class LargeBodyRoute(GuardedRoute):
    """One whose bodies hold offers or candidates."""

    body_bytes = BODY_BYTES


def _require_json(request: Request) -> None:
    """A body of no declared type is read as what it has to be. Raises Refusal ``unsupported-media-type``."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise body_not_json(kind)


def has_body(scope: Scope) -> bool:
    """Whether its head says that a body follows."""
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])


async def read_body(request: Request, limit: int) -> bytes:
    """All of it, which ``request.body()`` has from then on. Raises Refusal, and ClientDisconnected when it ends before
    its end.
    """
    declared = request.headers.get("content-length", "0")
    if len(declared) > 18 or int(declared) > limit:
        raise body_too_large(limit)
    first = told_now(request)  # mostly all of it, for it came with its head
    try:
        if first is not None and not first.get("more_body", False):
            request._body = await _read(request, limit, first)
        else:
            async with asyncio.timeout(BODY_WAIT):
                request._body = await _read(request, limit, first)
        return request._body
    except TimeoutError:
        raise body_too_slow(BODY_WAIT) from None


async def _read(request: Request, limit: int, message: Message | None) -> bytes:
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = message or await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > limit:
            raise body_too_large(limit)
        more, message = message.get("more_body", False), None
    return b"".join(pieces)
