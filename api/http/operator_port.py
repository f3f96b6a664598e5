"""Operator port: an address of its own where operators' routes are served beside all others, and nowhere else."""

from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.problems import response_of
from callplane.contracts.errors import Problem

_MARK = "callplane.operators"


def for_operators(app: ASGIApp) -> ASGIApp:
    """The program as it is served at the operators' address."""

    async def entered(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, _MARK: True}, receive, send)

    return entered


class OperatorPort:
    """Knows nothing of operators' paths at the public address; at theirs the console wants sessions as well."""

    def __init__(self, app: ASGIApp, prefixes: Iterable[str]) -> None:
        """``prefixes`` of the operators' paths."""
        self._app = app
        self._prefixes = tuple(prefixes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self._fits(scope["path"], scope.get(_MARK, False)):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})  # before it was accepted: a 403 (ASGI, websocket)
        else:
            await response_of(Problem(code="not-found"), scope)(scope, receive, send)

    def _fits(self, path: str, operators: bool) -> bool:
        return operators or not any(path == prefix or path.startswith(f"{prefix}/") for prefix in self._prefixes)
