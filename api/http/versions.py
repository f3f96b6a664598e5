"""API version: takes ``/v1`` off a path before anything else sees it, and marks what is asked at the paths of before.

So routes, limits, metrics, log lines and idempotency keys know one path for each thing, whichever was asked for.
"""

from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

VERSION = "/v1"
DEPRECATED = b"@1795824000"
"""Since when the paths without a version are deprecated (RFC 9745); the next version does not serve them."""

_TAKEN = "callplane.version"


class Versions:
    """Serves every noun below ``/v1``, and for one version more without it; what is no noun stays where it is."""

    def __init__(self, app: ASGIApp, nouns: Iterable[str]) -> None:
        """``nouns``: the first elements of the paths that have a version."""
        self._app = app
        self._nouns = frozenset(nouns)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path: str = scope["path"]
        if path.startswith("/v1/"):
            if noun_of(path[3:]) in self._nouns:
                scope = {**scope, "path": path[3:], _TAKEN: VERSION}
        elif noun_of(path) in self._nouns and scope["type"] == "http":
            send = _deprecated(send)
        await self._app(scope, receive, send)


def noun_of(path: str) -> str:
    """The first element of a path."""
    return path[1:].partition("/")[0]


def asked_at(scope: Scope, path: str) -> str:
    """A path as this client asks for it: with the version, or as before."""
    return f"{scope.get(_TAKEN, '')}{path}"


def _deprecated(send: Send) -> Send:
    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (b"deprecation", DEPRECATED)]}
        await send(message)

    return marked
