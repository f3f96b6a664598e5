"""WebSocket on one connection (RFC 6455), within bounds: a message's size, fragments and time, and control frames.

What breaks the protocol is closed with the code that its section names; what passes a bound of ours with 1008 (7.4.1).
"""

import asyncio
import logging
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidMessage
from websockets.frames import CloseCode, Frame
from websockets.http11 import Request
from websockets.protocol import State

from api.auth.token_bucket import Bucket, Rate
from api.http.http11 import refusal
from api.http.outlets import OUTLET, UNSENT_AT_MOST, Outlet
from api.http.slow_clients import ABORT
from callplane.contracts.bounds import BODY_BYTES
from callplane.contracts.errors import Code, Problem
from callplane.flag import Flag

MESSAGE_BYTES = BODY_BYTES + 4096
"""The longest message of a client: a request with the longest body that there is, and what stands around it."""

MESSAGE_WITHIN = 30.0
"""From a message's first bytes to its last, as for the body of a request."""

FRAGMENTS = 256
"""Of one message: empty ones would count nothing in its bytes."""

CONTROL_FRAMES = Rate(10, 100)
"""Pings and pongs of a client; each ping has us write (5.5.2)."""

CLOSE_WITHIN = 1.0
"""How long a client may take to answer a close frame."""

PIECE = 4096
"""Parsed at once: of more than so much, what follows the end of a connection is not looked at."""


class ReceivedMessages:
    """What the program has yet to receive of one socket: a queue for one reader, which holds nothing while it is empty.

    Bounded by the protocol, which reads no more of the connection while a message waits here.
    """

    __slots__ = ("_messages", "_news")

    def __init__(self) -> None:
        self._messages: list[Any] = []
        self._news: asyncio.Future[None] | None = None
        """Resolved when one comes; None while nobody waits for that."""

    def empty(self) -> bool:
        """Whether none waits."""
        return not self._messages

    def put_nowait(self, message: Any) -> None:
        """One more."""
        self._messages.append(message)
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    async def get(self) -> Any:
        """The one that waits longest; waited for as long as the connection lives, whose end is a message, too."""
        while not self._messages:
            self._news = asyncio.get_running_loop().create_future()
            try:
                await self._news
            finally:
                self._news = None
        return self._messages.pop(0)


class BoundedWebSocketProtocol(WebSocketsSansIOProtocol):
    """Logs nothing: uvicorn's lines hold the query, in which tickets travel, and what clients do wrong is theirs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = self.conn.logger = logging.getLogger("callplane.api.socket")
        self.logger.setLevel(logging.CRITICAL)
        self.close_timeout = CLOSE_WITHIN
        # Most connections are idle, and cost what they hold: of both, the library's have a kilobyte or two.
        self.queue = ReceivedMessages()  # type: ignore[assignment]  # it puts, gets, and asks whether it is empty
        self.writable = Flag()  # type: ignore[assignment]  # it sets, clears and waits
        self.writable.set()
        self._control = Bucket()
        self._outlet: Outlet | None = None
        """Given to the program with the handshake."""
        self._incomplete: asyncio.TimerHandle | None = None
        """Ends the connection unless the message that has begun is complete by then."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse it piece by piece. Also before the handshake: the library takes shorter lines and fewer fields than a
        head may have.
        """
        for start in range(0, len(data), PIECE):
            super().data_received(data[start : start + PIECE])
            if self.close_sent or self.transport.is_closing():
                break
        self._watch()
        broken = self.conn.handshake_exc
        if broken is not None and not self.handshake_initiated:
            self._refuse("bad-request" if isinstance(broken, InvalidMessage) else "head-too-large")

    def handle_connect(self, event: Request) -> None:
        """Let the program drop a client that does not read, and write to one that does; its task has not begun yet."""
        accepted = self.conn.accept(event)
        if accepted.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._refuse("bad-request")
            return
        vars(self.conn)["accept"] = lambda _: accepted  # uvicorn would have it made once more
        super().handle_connect(event)
        del vars(self.conn)["accept"]
        self.scope["extensions"][ABORT] = {"call": self.transport.abort}
        self._outlet = Outlet(self.transport, self._is_open)
        self.scope["extensions"][OUTLET] = {"outlet": self._outlet}

    def start_keepalive(self) -> None:
        """The handshake is done: what was said in it is needed no more."""
        super().start_keepalive()
        del self.request, self.response

    def _refuse(self, code: Code) -> None:
        """Not by the library, whose answers are no problems, and name no version to who has another (4.4)."""
        self.handshake_initiated = self.handshake_complete = self.close_sent = True
        problem = Problem(code=code, detail="This handshake of a WebSocket cannot be read.")
        self.transport.write(refusal(problem, "sec-websocket-version: 13\r\n"))
        self.transport.close()

    def send_receive_event_to_app(self) -> None:
        """A message is whole: most are taken at once, behind nothing else that waits; others go through the queue."""
        outlet = self._outlet
        if outlet is not None and self.curr_msg_data_type == "text" and self.queue.empty() and not self.close_sent:
            try:
                taken = outlet.on_text(b"".join(self.frames).decode())
            except UnicodeDecodeError:
                taken = False
            if taken:
                self.frames = []
                return
        super().send_receive_event_to_app()

    def handle_cont(self, event: Frame) -> None:
        """A fragment more, of so many."""
        if len(self.frames) >= FRAGMENTS:
            self._fail("too many fragments")
            return
        super().handle_cont(event)

    def handle_ping(self) -> None:
        """Answer it; who takes no answers is gone."""
        super().handle_ping()
        if self.transport.get_write_buffer_size() >= UNSENT_AT_MOST:
            self.transport.abort()
        self._count_control()

    def handle_pong(self, event: Frame) -> None:
        """Take it for what was asked, if it is (5.5.3)."""
        super().handle_pong(event)
        self._count_control()

    def _count_control(self) -> None:
        if not self.close_sent and self._control.take(CONTROL_FRAMES, self.loop.time()) > 0:
            self._fail("too many control frames")

    def _is_open(self) -> bool:
        """Whether frames may be sent: the handshake is done, and no side has begun to close."""
        return self.handshake_complete and not self.close_sent and self.conn.state is State.OPEN

    def _watch(self) -> None:
        """Wait for the rest of a message that has begun, as long as it is the client who keeps it back."""
        if not (self.frames or self.conn.reader.buffer) or self.transport.is_closing():
            self._stop_waiting()
        elif self._incomplete is None:
            self._incomplete = self.loop.call_later(MESSAGE_WITHIN, self._late)

    def _late(self) -> None:
        self._incomplete = None
        if self.read_paused:
            self._watch()
        elif not self.transport.is_closing():
            self._fail("half a message")

    def _stop_waiting(self) -> None:
        if self._incomplete is not None:
            self._incomplete.cancel()
            self._incomplete = None

    def _fail(self, why: str) -> None:
        if self._is_open():
            self.conn.fail(CloseCode.POLICY_VIOLATION, why)
            self.handle_parser_exception()
        else:
            self.transport.abort()
