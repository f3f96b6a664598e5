"""Direct streams: openings of streams and sockets as they mostly come, in plain ASGI, past the framework's layers.

Those would stand around each for as long as it is open. Whatever is otherwise, or cannot be read, goes through the
framework and is told there; a refusal here is answered by the handlers that the framework has of us.
"""

from fastapi import FastAPI, Request, WebSocket
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from api.guarded_route import has_body
from api.http.direct import answered, query_of
from api.routes.streams import StreamQuestion, StreamRequest, router, socket, stream
from api.services import services_of

_STREAM, _SOCKET = "/messages/stream", "/messages/socket"
_LONGEST_ID = 128


class DirectStreams:
    """Between what stands around every request and an open stream or socket."""

    def __init__(self, app: FastAPI, otherwise: ASGIApp) -> None:
        self._app = app
        self._otherwise = otherwise
        """Serves everything that is no such opening."""
        self._routes = {_kind(route): route for route in router.routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket."""
        if scope["type"] == "websocket" and scope["path"] == _SOCKET:
            await self._socket(WebSocket(self._known(scope), receive, send))
            return
        question = query_of(scope, StreamQuestion) if _is_stream(scope) else None
        if question is None:
            await self._otherwise(scope, receive, send)
            return
        http = Request(self._known(scope), receive, send)
        services, last = services_of(http), http.headers.get("last-event-id")
        opening = stream(http, question, StreamRequest(http, services), services.readers, last)
        answer = await answered(self._app, http, opening)
        await answer(scope, receive, send)

    async def _socket(self, websocket: WebSocket) -> None:
        services = services_of(websocket)
        opening = socket(websocket, StreamRequest(websocket, services), services.readers)
        refusal = await answered(self._app, websocket, opening)
        if refusal is not None:
            await refusal(websocket.scope, websocket.receive, websocket.send)

    def _known(self, scope: Scope) -> Scope:
        """The scope, with what the framework would have put in."""
        scope["app"], scope["route"] = self._app, self._routes[scope["type"], scope["path"]]
        return scope


def _kind(route: BaseRoute) -> tuple[str, str]:
    """What asks for it: a request or a socket, and its path."""
    kind = "http" if getattr(route, "methods", None) else "websocket"
    return kind, str(getattr(route, "path", ""))


def _is_stream(scope: Scope) -> bool:
    """Whether it asks for a stream, with a head as most have; what it says in its query is read elsewhere."""
    if scope["path"] != _STREAM or scope["type"] != "http" or scope["method"] != "GET" or has_body(scope):
        return False
    last = [value for name, value in scope["headers"] if name == b"last-event-id"]
    return len(last) <= 1 and all(len(value) <= _LONGEST_ID for value in last)
