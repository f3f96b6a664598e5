"""Streams of a client that only counts: WebSocket frames and server-sent events."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import cast

from bench.messages.asking import request
from bench.messages.book import Reader
from bench.messages.frames import CLOSE, PING, PONG, TEXT, Answers, Headers, WebSocketFrames, client_frame
from bench.messages.ways import AGAIN, OPEN_WITHIN, REFUSED, Ways

ACKNOWLEDGE_EVERY = 100
"""Messages: an open stream ends at 250 unacknowledged, a socket at 100 frames a second from its client."""

_REPLY = re.compile(rb'\{"reply": "([^"]*)", "status": (\d+)')

_HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "YmVuY2gubWVzc2FnZXMuLg==",
    "Sec-WebSocket-Version": "13",
}


class _Stream(asyncio.Protocol):
    """What socket and events have in common."""

    path = ""

    def __init__(self, reader: Reader, token: str, ways: Ways, pod: int) -> None:
        self._reader, self._token, self._ways, self._pod = reader, token, ways, pod
        self._transport: asyncio.Transport | None = None
        self._answers = Answers(self._head, self._body, self._end)
        self._answered: asyncio.Future[None] | None = None
        self._ack = ""
        self._unacknowledged = 0
        self.is_open = False
        self.wanted = True

    async def open(self) -> None:
        """Connect, ask, and wait for the head of the answer."""
        loop, pod = asyncio.get_running_loop(), self._ways.pods[self._pod % len(self._ways.pods)]
        self._answered = loop.create_future()
        try:
            async with asyncio.timeout(OPEN_WITHIN):
                await loop.create_connection(lambda: self, pod.host, pod.port)
                await self._answered
        except OSError:
            self._pod += 1  # That pod is gone: a load balancer would choose another one.
            raise

    def drop(self) -> bool:
        """Abort the connection."""
        if self._transport is None:
            return False
        self._transport.abort()
        return True

    def stop_reading(self) -> None:
        """Leave it in the kernel; it is not opened again when it is ended for that."""
        self.wanted = False
        if self._transport is not None:
            self._transport.pause_reading()

    def acknowledge(self) -> None:
        """Nothing: events acknowledge when they are opened again."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        self._transport = cast(asyncio.Transport, transport)
        self._answers = Answers(self._head, self._body, self._end)
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """Open it again where it ended."""
        was_open, self.is_open, self._transport = self.is_open, False, None
        if exc is not None and was_open and self.wanted:
            self._pod += 1
        self._settle()
        if self.wanted:
            self._ways.open_again(self, AGAIN if was_open else REFUSED)

    def data_received(self, data: bytes) -> None:
        """Some of the stream."""
        self._answers.feed(data)

    def _ask(self) -> None:
        assert self._transport is not None
        query = f"?ack={self._ack}" if self._ack else ""
        headers = {"Authorization": f"Bearer {self._token}", **self._extra()}
        self._transport.write(request("GET", self.path + query, headers))

    def _extra(self) -> dict[str, str]:
        return {}

    def _head(self, status: int, headers: Headers) -> None:
        """Open, or refused."""
        if status in (200, 101):
            self.is_open = True
        else:
            self._ways.book.tally.codes[str(status)] += 1
            self.wanted = self.wanted and status != 410  # the seat is gone
            self.drop()
        self._settle()

    def _body(self, piece: bytes) -> None: ...

    def _end(self) -> None: ...

    def _settle(self) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(None)


class WebSocketDoor(_Stream):
    """Reads frames, acknowledges every hundredth message and what the crowd's clock says."""

    path = "/v1/messages/socket"

    def __init__(self, reader: Reader, token: str, ways: Ways, pod: int) -> None:
        super().__init__(reader, token, ways, pod)
        self._frames = WebSocketFrames()
        self._asked: dict[bytes, Callable[[int], None]] = {}
        """Who waits for the status of a request, by its name."""

    def data_received(self, data: bytes) -> None:
        """Frames, once the handshake is done."""
        if not self.is_open:
            self._answers.feed(data)
            if not self.is_open:
                return
            self._frames, data = WebSocketFrames(), self._answers.upgraded()
        for opcode, payload in self._frames.feed(data):
            if opcode == TEXT:
                self._given(payload)
            elif opcode == PING:
                self._write(PONG, payload)
            elif opcode == CLOSE:
                self._ways.book.tally.codes[str(int.from_bytes(payload[:2], "big"))] += 1
                self._write(CLOSE, payload[:2])

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits for a reply hears that there is none."""
        asked, self._asked = self._asked, {}
        super().connection_lost(exc)
        for on_status in asked.values():
            on_status(0)

    def send(self, name: str, question: bytes, on_status: Callable[[int], None]) -> None:
        """Ask by a frame; status 0 when the connection is over before the reply."""
        if not self.is_open:
            on_status(0)
            return
        self._asked[name.encode()] = on_status
        self._write(TEXT, question)

    def acknowledge(self) -> None:
        """Say the last token."""
        if self._unacknowledged and self.is_open:
            self._unacknowledged = 0
            self._write(TEXT, json.dumps({"ack": self._ack}).encode())

    def _given(self, payload: bytes) -> None:
        if (reply := _REPLY.match(payload)) is not None:
            if (on_status := self._asked.pop(reply[1], None)) is not None:
                on_status(int(reply[2]))
            return
        end = payload.rfind(b'],"ack":')
        count = self._ways.book.given(self._reader, payload[:end])
        if count:
            self._ack = payload[end + 9 : -2].decode()
            self._unacknowledged += count
            if self._unacknowledged >= ACKNOWLEDGE_EVERY:
                self.acknowledge()

    def _write(self, opcode: int, payload: bytes) -> None:
        if self._transport is not None:
            self._transport.write(client_frame(opcode, payload))

    def _extra(self) -> dict[str, str]:
        return _HANDSHAKE


class EventsDoor(_Stream):
    """Reads events; opens it again behind the last when it ends, which acknowledges."""

    path = "/v1/messages/stream"

    def __init__(self, reader: Reader, token: str, ways: Ways, pod: int) -> None:
        super().__init__(reader, token, ways, pod)
        self._rest = b""

    def _body(self, piece: bytes) -> None:
        if not self.is_open:
            return
        piece = self._rest + piece if self._rest else piece
        end = piece.rfind(b"\n\n") + 2
        self._rest = piece[end:] if end > 1 else piece
        if end > 1:
            for event in piece[:end].split(b"\n\n"):
                self._event(event)

    def _event(self, event: bytes) -> None:
        if event.startswith(b"id: "):
            token, _, data = event.partition(b"\n")
            self._ack = token[4:].decode()
            self._ways.book.given(self._reader, data)

    def _end(self) -> None:
        """The answer is over: ask again on the same connection."""
        if self.is_open and self.wanted and self._transport is not None:
            self.is_open, self._rest = False, b""
            self._ways.book.tally.codes["end"] += 1
            self._ask()
