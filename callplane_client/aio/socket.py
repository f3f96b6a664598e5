"""Socket of the asyncio client: a WebSocket, with one kind of trouble for all of its kinds."""

import asyncio
from typing import Literal, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from callplane_client.asking import is_local
from callplane_client.errors import Unreachable, closed_because, stream_refusal

OPEN_SECONDS = 8.0
CLOSE_SECONDS = 1.0
AGAIN = 4000
"""The close code of a socket that may be opened again at once."""


class AsyncSocket:
    """One open WebSocket."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, url: str, headers: dict[str, str]) -> Self:
        """Open it. Raises Refused, Unreachable."""
        target = url.replace("http", "ws", 1)
        proxy: Literal[True] | None = None if is_local(url) else True
        try:
            connection = await connect(
                target, additional_headers=headers, open_timeout=OPEN_SECONDS, close_timeout=CLOSE_SECONDS, proxy=proxy
            )
        except InvalidStatus as trouble:
            found = trouble.response
            raise stream_refusal(found.status_code, found.headers, bytes(found.body or b"")) from None
        except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed) as trouble:
            raise Unreachable(f"no socket at {target}: {trouble or type(trouble).__name__}") from trouble
        return cls(connection)

    async def receive(self, seconds: float) -> str | None:
        """The next frame; None when none has come within so many seconds. Raises Refused, Unreachable, EOFError."""
        try:
            async with asyncio.timeout(seconds):
                return str(await self._connection.recv())
        except TimeoutError:
            return None
        except ConnectionClosed as closed:
            raise ended(closed) from None

    async def send(self, text: str) -> None:
        """Send a frame. Raises as ``receive`` does."""
        try:
            await self._connection.send(text)
        except ConnectionClosed as closed:
            raise ended(closed) from None

    async def close(self) -> None:
        """Close it; again: nothing more."""
        await self._connection.close()


def ended(closed: ConnectionClosed) -> Exception:
    """Why it was closed; EOFError: it may be opened again at once."""
    if closed.rcvd is None:
        return Unreachable("the socket has ended")
    if closed.rcvd.code == AGAIN:
        return EOFError()
    return closed_because(closed.rcvd.code, closed.rcvd.reason) or Unreachable(f"the socket was closed: {closed.rcvd}")
