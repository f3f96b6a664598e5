"""Calls in flight on a WebSocket, each with its deadline."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from kurento_client.errors import CallTimedOut, OutcomeUnknown, refusal_of
from kurento_client.jsonrpc import (
    Answer,
    ClientProtocol,
    ErrorResponse,
    Event,
    Response,
    Stray,
)

LARGEST = 32_000_000
"""Bytes that Kurento takes in one message; one more and it closes the connection (protocol 1.2)."""


class Calls:
    """Joins the sans-I/O protocol to futures; many calls may be in flight, answers find their own."""

    def __init__(self) -> None:
        self.protocol = ClientProtocol()
        self._waiting: dict[int, asyncio.Future[Answer | None]] = {}
        """Request id → the answer that its caller waits for; None is the end of the connection."""
        self._log = logging.getLogger(__name__)

    async def call(
        self, websocket: ClientConnection, method: str, params: Mapping[str, Any] | None, timeout: float
    ) -> Response:
        """Send one call and wait for its answer.

        Raises KurentoError when the server refuses, CallTimedOut after `timeout` seconds, OutcomeUnknown when
        the connection ends first, ValueError when the text would exceed what Kurento takes.
        """
        call_id, text = self.protocol.call(method, params)
        answered: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._waiting[call_id] = answered
        try:
            if len(text) > LARGEST:
                raise ValueError(f"{len(text)} bytes are more than Kurento takes")
            async with asyncio.timeout(timeout):
                await websocket.send(text)
                answer = await answered
        except TimeoutError as late:
            raise CallTimedOut(f"{method}: no answer in {timeout} s") from late
        except ConnectionClosed as closed:
            raise OutcomeUnknown(f"{method}: connection lost") from closed
        finally:
            del self._waiting[call_id]
            self.protocol.forget(call_id)
        if answer is None:
            raise OutcomeUnknown(f"{method}: connection lost")
        if isinstance(answer, ErrorResponse):
            raise refusal_of(answer)
        return answer

    def receive(self, text: str | bytes) -> list[Event]:
        """Hand each answer to its call; return the events of the frame."""
        events = []
        for message in self.protocol.receive(text):
            match message:
                case Event():
                    events.append(message)
                case Stray(reason):
                    self._log.debug("ignored what the server sent: %s", reason)
                case _:
                    self._answer(message)
        return events

    def lost(self) -> None:
        """End every call in flight: its outcome is unknown."""
        self.protocol.disconnected()
        for answered in self._waiting.values():
            if not answered.done():
                answered.set_result(None)

    def _answer(self, answer: Answer) -> None:
        answered = self._waiting.get(answer.id)
        if answered is not None and not answered.done():
            answered.set_result(answer)
