"""HTTP/1.1 on one connection, within bounds: how long a head is, how soon it comes, and how many connections there are.

What breaks them, and what is no HTTP at all, is answered with a problem body before the program sees anything of it.
"""

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.http.idle_connections import IdleConnections
from api.http.outlets import OUTLET, Outlet
from api.http.problems import MEDIA_TYPE, RETRY_AFTER, body_of
from api.http.slow_clients import ABORT
from callplane.contracts.errors import Problem
from callplane.contracts.ids import new_id
from callplane.contracts.refusals.requests import overloaded

PIECE = 16 * 1024
"""Parsed at once: a head that is too long is noticed within so much."""

FIELD_BYTES = 32
"""What a field counts beside its name and value, as in HTTP/2's lists (RFC 9113, 6.5.2)."""

PROBES = frozenset({b"/livez", b"/readyz", b"/metrics"})
"""Answered also where there is no room: who is busy is alive, and has to be seen."""

STREAMS = frozenset(at + path for at in (b"/v1", b"") for path in (b"/messages/stream", b"/messages/socket"))
"""New connections to whoever opens them, also where a proxy has kept the one below from another client."""

_REASONS = {400: "Bad Request", 431: "Request Header Fields Too Large", 503: "Service Unavailable"}


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What one connection may take, in bytes and seconds."""

    head_bytes: int = 32 * 1024
    head_seconds: float = 10.0
    """From the first byte of a head, or the connection's beginning, to the head's end."""
    stalled_seconds: float = 30.0
    """A client that takes nothing of an answer for so long is dropped."""
    linger_seconds: float = 2.0
    """What a refused client still sends is read for so long: to close on it would take the refusal from it."""


class Refused(Exception):
    """Raised inside the parser, which ends with it."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """Uvicorn's protocol with bounds; it logs nothing of what is no HTTP: anybody can send it."""

    def __init__(self, bounds: HttpLimits, idle: IdleConnections, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = logging.getLogger("callplane.api.http")
        self.logger.setLevel(logging.ERROR)
        self._bounds = bounds
        self._idle = idle
        self._head = 0
        """How much the present head has counted so far."""
        self._unparsed = 0
        """How much came of the present head, parsed or not."""
        self._problem: Problem | None = None
        """Why it is refused; None for what the parser itself refuses."""
        self._refused = False
        """Whether the last answer has been given: nothing is parsed after that."""
        self._is_new = True
        """Whether no request of it has been let in yet."""
        self._is_socket = False
        """Whether it has become a WebSocket, and what comes is another protocol's."""
        self._awaited: asyncio.TimerHandle | None = None
        """Drops the connection unless a head is complete by then."""
        self._stalled: asyncio.TimerHandle | None = None
        """Drops it unless the client takes something of an answer by then."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request, among the others that wait."""
        super().connection_made(transport)
        self._idle.add(self)
        self._drop_after(self._bounds.head_seconds)
        self._idle.make_room(len(self.connections))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._idle.remove(self)
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)

    def drop(self) -> None:
        """Close it at once, whatever has not been sent."""
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parse it piece by piece, as long as there is something in it."""
        if self._awaited is None and self._is_idle():
            self._drop_after(self._bounds.head_seconds)
        for start in range(0, len(data), PIECE):
            if self._refused or self._is_socket or self.transport.is_closing():
                return
            piece = data[start : start + PIECE]
            # Before it is parsed, for the end of a head and what is of a body set it to nothing.
            self._unparsed += len(piece)
            super().data_received(piece)
            if self._unparsed > self._bounds.head_bytes and not self._refused:
                self._problem = _too_long(self._bounds)
                self.send_400_response("")

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection on: what comes is not ours any more."""
        self._is_socket = True
        super().handle_websocket_upgrade()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _drop_after(self, seconds: float) -> None:
        self._stop_waiting()
        self._awaited = self.loop.call_later(seconds, self.drop)

    def _stop_waiting(self) -> None:
        if self._awaited is not None:
            self._awaited.cancel()
            self._awaited = None

    def on_message_begin(self) -> None:
        """Let a stream drop a client that does not read, and write to one that does."""
        self._head = 0
        super().on_message_begin()
        outlet = Outlet(self.transport, lambda: not (self._is_idle() or self.transport.is_closing()))
        self.scope["extensions"] = {ABORT: {"call": self.transport.abort}, OUTLET: {"outlet": outlet}}

    def on_url(self, url: bytes) -> None:
        """Count it."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count it; the fields behind a chunked body come here as well (RFC 9112, 7.1.2)."""
        self._count(len(name) + len(value) + FIELD_BYTES)
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > self._bounds.head_bytes:
            self._refuse(_too_long(self._bounds))

    def _refuse(self, problem: Problem) -> None:
        self._problem = problem
        raise Refused

    def on_headers_complete(self) -> None:
        """Begin the request, where there is room for it."""
        self._unparsed = 0
        self._stop_waiting()
        self._idle.remove(self)
        path = self.url.partition(b"?")[0]
        if path not in PROBES:
            if self._idle.is_full(len(self.connections)):
                self._refuse(Problem(code="unavailable", detail="There are too many connections."))
            if (self._is_new or path in STREAMS) and self._idle.sheds():
                self._refuse(overloaded().problem)
            self._is_new = False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Something of a body is no part of a head."""
        self._unparsed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """What follows is another head."""
        self._unparsed = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, unless it is here already."""
        super().on_response_complete()
        if self._is_idle() and not self.pipeline:
            self._idle.add(self)
            if self.transport.is_closing():
                self._drop_after(self._bounds.stalled_seconds)

    def timeout_keep_alive_handler(self) -> None:
        """No other request has come; also a client that has not taken the last answer is gone then."""
        self.drop()

    def pause_writing(self) -> None:
        """The client takes nothing: not for ever."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self._bounds.stalled_seconds, self.drop)

    def resume_writing(self) -> None:
        """It does again."""
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """The last answer on a connection: to what is no HTTP, or passes a bound; none into the middle of another."""
        self._refused = True
        if not self._is_idle() or self.transport.is_closing():
            self.transport.close()
            return
        self.transport.write(refusal(self._problem or Problem(code="bad-request", detail=msg)))
        self.transport.write_eof()
        self._idle.add(self)
        self._drop_after(self._bounds.linger_seconds)


def _too_long(bounds: HttpLimits) -> Problem:
    return Problem(code="head-too-large", detail=f"The head of a request has at most {bounds.head_bytes} bytes.")


def refusal(problem: Problem, more: str = "") -> bytes:
    """A problem as bytes, with ``more`` header lines, for there is no request that the program could answer."""
    request_id = new_id()
    body = json.dumps(body_of(problem, {"path": "", "callplane.request_id": request_id})).encode()
    again = f"retry-after: {RETRY_AFTER}\r\n" if problem.retryable else ""
    head = (
        f"HTTP/1.1 {problem.status} {_REASONS[problem.status]}\r\n"
        f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
        f"x-request-id: {request_id}\r\n{again}{more}connection: close\r\n\r\n"
    )
    return head.encode() + body
