"""Doors of a mailbox: WebSocket, server-sent events, long poll; each gives what follows the last acknowledgement."""

# Made of callplane_client/aio/doors.py by docs/make_blocking_client.py.

import json
from collections.abc import Iterator
from contextlib import ExitStack
from time import monotonic
from typing import Protocol
from urllib.parse import urlencode

import httpx

from callplane_client.asking import Ask, path
from callplane_client.blocking.http import Caller
from callplane_client.blocking.socket import Socket
from callplane_client.errors import Refused, Unreachable
from callplane_client.events import EventLines, ServerEvent
from callplane_client.shapes import Batch, Message

SILENCE = 25.0
"""A stream says something every 10 s; one that says nothing for so long is dead, whatever the system believes."""
LONGEST_WAIT = 25.0
SHORTEST_WAIT = 0.01
"""What has come already is read even by who does not wait."""
SPARE = 8.0
MOST = 200


class Door(Protocol):
    """One way to a mailbox."""

    spoke: bool
    """Whether it has given anything since it was opened last: one that never does is not for this network."""

    def next(self, ack: str | None, wait: float) -> Batch:
        """What follows ``ack``; an empty batch after so many seconds, or sooner. Raises Refused, Unreachable."""

    def close(self) -> None:
        """Close its line; ``next`` opens another."""


class PollDoor:
    """Asking again and again."""

    def __init__(self, ask: Caller) -> None:
        self._ask = ask
        self.spoke = False

    def next(self, ack: str | None, wait: float) -> Batch:
        """One poll."""
        wait = max(0.0, min(wait, LONGEST_WAIT))
        ask = Ask("GET", path("messages"), query={"ack": ack, "wait": round(wait, 3), "max": MOST})
        headers = ask.headers() | self._ask.credential.headers()
        batch = Batch.model_validate(self._ask.http.once(ask, headers, wait + SPARE))
        self.spoke = True
        return batch

    def close(self) -> None:
        """It has no line."""


class StreamDoor:
    """Server-sent events; what it acknowledges, it acknowledges by opening the next."""

    def __init__(self, ask: Caller) -> None:
        self._ask = ask
        self._stack = ExitStack()
        self._lines: Iterator[str] | None = None
        self._read = EventLines()
        self.spoke = False

    def next(self, ack: str | None, wait: float) -> Batch:
        """One event; a beat, of one every 10 s, is an empty batch, however long ``wait`` is."""
        if self._lines is None:
            self._open(ack)
        event = self._event()
        if event is None:
            self.close()
            return Batch()
        self.spoke = True
        if event.name == "end":
            problem = json.loads(event.data)
            self.close()
            raise Refused(problem["status"], problem)
        if event.name != "message":
            return Batch()
        return Batch(messages=[Message.model_validate_json(event.data)], ack=event.event_id)

    def _open(self, ack: str | None) -> None:
        self.spoke, self._read = False, EventLines()
        ask = Ask("GET", path("messages", "stream"), query={"ack": ack})
        headers = self._ask.credential.headers() | {"Accept": "text/event-stream"}
        self._lines = self._stack.enter_context(self._ask.http.lines(ask, headers, SILENCE))

    def _event(self) -> ServerEvent | None:
        """The next; None where the stream has ended without saying why: it may be opened again."""
        assert self._lines is not None
        try:
            for line in self._lines:
                if (event := self._read.feed(line)) is not None:
                    return event
        except (httpx.TransportError, httpx.StreamError) as trouble:
            raise Unreachable(f"the stream has ended: {trouble or type(trouble).__name__}") from trouble
        return None

    def close(self) -> None:
        """Close the stream."""
        self._lines = None
        self._stack.close()


class SocketDoor:
    """A WebSocket, over which what was dealt with is acknowledged as well."""

    def __init__(self, ask: Caller) -> None:
        self._ask = ask
        self._socket: Socket | None = None
        self._acknowledged: str | None = None
        self._heard = 0.0
        """When, by the clock, something came last."""
        self.spoke = False

    def next(self, ack: str | None, wait: float) -> Batch:
        """One frame."""
        try:
            socket = self._socket or self._open(ack)
            if ack is not None and ack != self._acknowledged:
                self._acknowledged = ack
                socket.send(json.dumps({"ack": ack}))
            frame = socket.receive(max(SHORTEST_WAIT, min(wait, self._heard + SILENCE - monotonic())))
        except EOFError:
            self.close()
            return Batch()
        if frame is None:
            if monotonic() - self._heard >= SILENCE:
                raise Unreachable("the socket says nothing any more")
            return Batch()
        self._heard, self.spoke = monotonic(), True
        return Batch.model_validate_json(frame)

    def _open(self, ack: str | None) -> Socket:
        self.spoke, self._heard, self._acknowledged = False, monotonic(), ack
        query = f"?{urlencode({'ack': ack})}" if ack else ""
        url = self._ask.http.url + path("messages", "socket") + query
        self._socket = Socket.open(url, self._ask.credential.headers())
        return self._socket

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
