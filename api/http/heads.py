"""HEAD requests: answered as a GET is, without its body (RFC 9110, 9.3.2), except where a GET acknowledges."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Heads:
    """Has the program answer GET in place of HEAD."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        # What is read at /messages is acknowledged by asking: that is no HEAD's business.
        if scope.get("method") != "HEAD" or scope["path"].startswith("/messages"):
            await self._app(scope, receive, send)
            return
        asked = {**scope, "method": "GET"}

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._app(asked, receive, without_body)
        finally:
            scope["route"] = asked.get("route")  # for the log line around it
