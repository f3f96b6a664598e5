"""Outlets: a stream's connection, written to at once where its client keeps up, with bytes that many may share."""

import asyncio
import struct
from collections.abc import Callable
from typing import Any

from starlette.types import Scope

OUTLET = "callplane.outlet"
"""The extension of an ASGI scope under which our listener gives the way past the server's own ``send``."""

UNSENT_AT_MOST = 64 * 1024
"""Bytes that may wait for a client here; who is further behind is served by ``send``, which waits for it."""

_TEXT = 0x81
"""The first byte of a frame that is a whole text message (RFC 6455, 5.2); a server's is not masked."""


def not_taken(_text: str) -> bool:
    """Nobody takes messages past ASGI."""
    return False


class Outlet:
    """Never waits: whether it was written is the answer."""

    def __init__(self, transport: asyncio.Transport, is_open: Callable[[], bool]) -> None:
        self._transport = transport
        self._is_open = is_open
        """Whether what is written now is what the client expects: nothing has ended the stream."""
        self.on_text: Callable[[str], bool] = not_taken
        """Of a socket: takes a message of the client at once, or says False, and it goes the ASGI way."""

    def write(self, data: bytes) -> bool:
        """Write it, unless the client is behind or the stream is over."""
        if self._transport.get_write_buffer_size() >= UNSENT_AT_MOST or not self._is_open():
            return False
        self._transport.write(data)
        return True


def outlet_of(scope: Scope) -> Outlet | None:
    """That of a request or socket; None where another server than ours listens."""
    extension: dict[str, Any] = scope.get("extensions", {}).get(OUTLET, {})
    outlet = extension.get("outlet")
    return outlet if isinstance(outlet, Outlet) else None


def text_frame(payload: bytes) -> bytes:
    """A text message as a server sends it."""
    size = len(payload)
    if size < 126:
        return bytes((_TEXT, size)) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", _TEXT, 126, size) + payload
    return struct.pack("!BBQ", _TEXT, 127, size) + payload


def chunk(data: bytes) -> bytes:
    """A part of a body whose length nobody knew (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)
