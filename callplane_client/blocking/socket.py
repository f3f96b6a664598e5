"""Socket of the blocking client: a WebSocket, with one kind of trouble for all of its kinds."""

from contextlib import ExitStack
from typing import Literal, Self

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from callplane_client.aio.socket import CLOSE_SECONDS, OPEN_SECONDS, ended
from callplane_client.asking import is_local
from callplane_client.errors import Unreachable, stream_refusal


class Socket:
    """One open WebSocket."""

    def __init__(self, connection: ClientConnection, stack: ExitStack) -> None:
        self._connection = connection
        self._stack = stack
        """Closes it: ``websockets`` wants its connections to be entered."""

    @classmethod
    def open(cls, url: str, headers: dict[str, str]) -> Self:
        """Open it. Raises Refused, Unreachable."""
        target = url.replace("http", "ws", 1)
        proxy: Literal[True] | None = None if is_local(url) else True
        stack = ExitStack()
        try:
            connection = stack.enter_context(
                connect(
                    target,
                    additional_headers=headers,
                    open_timeout=OPEN_SECONDS,
                    close_timeout=CLOSE_SECONDS,
                    proxy=proxy,
                )
            )
        except InvalidStatus as trouble:
            found = trouble.response
            raise stream_refusal(found.status_code, found.headers, bytes(found.body or b"")) from None
        except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed) as trouble:
            raise Unreachable(f"no socket at {target}: {trouble or type(trouble).__name__}") from trouble
        return cls(connection, stack)

    def receive(self, seconds: float) -> str | None:
        """The next frame; None when none has come within so many seconds. Raises Refused, Unreachable, EOFError."""
        try:
            return str(self._connection.recv(timeout=seconds))
        except TimeoutError:
            return None
        except ConnectionClosed as closed:
            raise ended(closed) from None

    def send(self, text: str) -> None:
        """Send a frame. Raises as ``receive`` does."""
        try:
            self._connection.send(text)
        except ConnectionClosed as closed:
            raise ended(closed) from None

    def close(self) -> None:
        """Close it; again: nothing more."""
        self._stack.close()
