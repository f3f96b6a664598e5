"""WebSocket connection: frames in one at a time, answers and events out in one bounded queue."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

log = structlog.get_logger(__name__)

OUTBOX = 20_000
"""Frames that may wait for a slow reader; more than that and it is cut off."""


class Connection:
    """Keeps the order: requests run strictly one after another (protocol 1.4)."""

    def __init__(self, socket: ServerConnection) -> None:
        self.session_id: str | None = None
        self._socket = socket
        self._outbox: asyncio.Queue[str] = asyncio.Queue(OUTBOX)

    def send(self, text: str) -> None:
        """Put a frame on its way; a reader that does not keep up loses the connection."""
        try:
            self._outbox.put_nowait(text)
        except asyncio.QueueFull:
            log.warning("reader too slow, connection cut", frames=OUTBOX)
            self.abort()

    def abort(self) -> None:
        """Drop the TCP connection without a close frame, as Kurento does on malformed input."""
        # asyncio's transport cannot be aborted once more when it is gone
        if self._socket.state is not State.CLOSED:
            self._socket.transport.abort()

    async def run(self, answer: Callable[["Connection", str | bytes], Awaitable[str]]) -> None:
        """Serve until the peer leaves."""
        async with asyncio.TaskGroup() as tasks:
            writer = tasks.create_task(self._write())
            try:
                async for frame in self._socket:
                    self.send(await answer(self, frame))
            except ConnectionClosed:
                pass
            finally:
                writer.cancel()

    async def _write(self) -> None:
        try:
            while True:
                await self._socket.send(await self._outbox.get())
        except ConnectionClosed:
            pass
