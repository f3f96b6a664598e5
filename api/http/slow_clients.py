"""Slow clients: each piece of a stream is sent within seconds, or the connection is dropped."""

import asyncio
from typing import Any

from starlette.types import Message, Scope, Send

SEND_WITHIN = 5.0
"""No longer than a seat may go unasked for: a client that reads slower than that is not there."""

ABORT = "callplane.abort"
"""The extension of an ASGI scope under which our listener gives the way to drop the connection."""


class SlowClient(Exception):
    """The client does not read: its connection is dropped, and what it was not given stays in its mailbox."""


class BoundedSend:
    """Sends, and drops the connection of who does not take it: uvicorn would keep it open with its buffer full."""

    def __init__(self, send: Send, scope: Scope) -> None:
        self._send = send
        self._abort: dict[str, Any] = scope.get("extensions", {}).get(ABORT, {})

    async def __call__(self, message: Message) -> None:
        """Send one piece. Raises SlowClient."""
        try:
            async with asyncio.timeout(SEND_WITHIN):
                await self._send(message)
        except TimeoutError:
            if "call" in self._abort:
                self._abort["call"]()
            raise SlowClient from None
