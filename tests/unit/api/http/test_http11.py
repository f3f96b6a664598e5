"""What one connection may take of a pod before anybody knows who it is: bytes, seconds, and room."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvloop
from starlette.types import Receive, Scope, Send

from api.http.http11 import HttpLimits
from api.http.server import CONNECTIONS, bind, serve_asgi
from api.settings import Settings

LIMIT = HttpLimits().head_bytes
GET = b"GET /x HTTP/1.1\r\nHost: localhost\r\n"
UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
QUICK = HttpLimits(head_seconds=0.4, stalled_seconds=0.4, linger_seconds=0.2)


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """The programs run on uvloop, whose transports are not asyncio's."""
    return "asyncio", {"loop_factory": uvloop.new_event_loop if request.param == "uvloop" else None}


class App:
    """Answers with the length of the body; ``/wait`` when it is told to, ``/much`` with more than sockets hold."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.asked: list[str] = []
        self.fields = 0
        self.left = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        self.asked.append(scope["path"])
        self.fields = len(scope["headers"])
        if scope["path"] == "/wait":
            await self.go.wait()
        size, more = 0, True
        while more:
            message = await receive()
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/much":
            for _ in range(512):
                await send({"type": "http.response.body", "body": b" " * 65_536, "more_body": True})
            self.left.set()
        await send({"type": "http.response.body", "body": str(size).encode()})


@dataclass
class Door:
    """Where it listens, and what it serves."""

    port: int
    app: App
    guests: list["Guest"] = field(default_factory=list)

    async def open(self, text: bytes = b"") -> "Guest":
        """A connection on which this is said."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(text)
        self.guests.append(Guest(reader, writer))
        return self.guests[-1]

    async def ask(self, text: bytes) -> bytes:
        """All that is answered until the connection ends."""
        return await (await self.open(text)).rest()

    async def close(self) -> None:
        """Every connection that was opened."""
        self.app.go.set()
        for guest in self.guests:
            guest.writer.close()
            with suppress(ConnectionError):
                await guest.writer.wait_closed()


@dataclass
class Guest:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def rest(self) -> bytes:
        """What comes until it ends."""
        said = b""
        async with asyncio.timeout(5):
            with suppress(ConnectionError):
                while some := await self.reader.read(65_536):
                    said += some
        return said

    async def head(self) -> bytes:
        """The head of one answer."""
        async with asyncio.timeout(5):
            return await self.reader.readuntil(b"\r\n\r\n")


@asynccontextmanager
async def door(
    bounds: HttpLimits = QUICK, most: int = 100, sheds: Callable[[], bool] = lambda: False
) -> AsyncIterator[Door]:
    """Served for the block."""
    app = App()
    with bind("127.0.0.1", 0) as sock:
        async with serve_asgi(app, sock, most, bounds, sheds):
            made = Door(sock.getsockname()[1], app)
            try:
                yield made
            finally:
                await made.close()


def problem(answer: bytes) -> tuple[int, str]:
    """The status and the code of a refusal, whose connection ends."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert b"connection: close" in head
    told = json.loads(body)
    assert head.startswith(f"HTTP/1.1 {told['status']} ".encode())
    return told["status"], told["code"]


TOO_LONG = {
    "a million small fields": GET + b"a:b\r\n" * 1_000_000,
    "one long field": GET + b"a: " + b"b" * 8_000_000,
    "one that only just": GET + b"a: " + b"b" * LIMIT + b"\r\n\r\n",
    "a long name": GET + b"a" * 8_000_000,
    "a long address": b"GET /" + b"x" * 8_000_000,
    "empty lines": b"\r\n" * 4_000_000,
    "fields behind a body": GET + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n" + b"a:b\r\n" * 10_000,
    "a field behind a body": GET + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\na:" + b"b" * 800_000,
}


async def test_a_head_is_bounded_however_it_grows() -> None:
    """And nothing of it has come to the program; a body's is cut off, for its request has begun."""
    async with door() as it:
        for what, text in TOO_LONG.items():
            answer = await it.ask(text)
            if "behind" in what:
                assert not answer.startswith(b"HTTP/1.1 200"), what
            else:
                assert problem(answer) == (431, "head-too-large"), what
        assert len(it.app.asked) == sum("behind" in what for what in TOO_LONG)


async def test_a_handshake_that_the_sockets_library_does_not_take_ends(capfd: pytest.CaptureFixture[str]) -> None:
    """It takes 128 fields and lines of 8 KiB; a head may be longer than that."""
    async with door() as it:
        for more in (b"a: b\r\n" * 200, b"a: " + b"x" * 9000 + b"\r\n"):
            assert problem(await it.ask(GET + UPGRADE + more + b"\r\n")) == (431, "head-too-large")
    assert capfd.readouterr().err == ""


async def test_a_head_just_within_its_bound_is_served_in_one_piece_or_in_many() -> None:
    """With a long body behind it, and another request behind that."""
    body = b"x" * 600_000
    head = b"POST /x HTTP/1.1\r\nContent-Length: %d\r\na: " % len(body)
    head += b"b" * (LIMIT - len(head) - 100) + b"\r\n\r\n"
    async with door(HttpLimits()) as it:
        last = GET + b"Connection: close\r\n\r\n"
        answer = await it.ask(head + body + head + body + last)
        assert (answer.count(b"HTTP/1.1 200"), answer.count(b"600000")) == (3, 2)
        guest = await it.open()
        for start in range(0, len(head), 1000):
            guest.writer.write(head[start : start + 1000])
            await asyncio.sleep(0)
        guest.writer.write(body + last)
        assert (await guest.rest()).count(b"HTTP/1.1 200") == 2


async def test_a_connection_without_a_whole_head_ends_soon() -> None:
    """Also when it drips; the first as every later one. One that waits between two requests stays."""
    halves = (b"", b"GET /", GET, GET + b"\r\n" + GET)
    async with door() as it, asyncio.TaskGroup() as tasks:
        between = await it.open(GET + b"\r\n")
        began = time.monotonic()
        guests = [await it.open(half) for half in halves]
        dripping = [tasks.create_task(_drip(guest)) for guest in guests[1:]]
        ends = await asyncio.gather(*[guest.rest() for guest in guests])
        assert time.monotonic() - began >= QUICK.head_seconds * 0.8
        assert [end.count(b"HTTP/1.1 200") for end in ends] == [0, 0, 0, 1]
        await between.head()
        assert not between.reader.at_eof()
        between.writer.write(GET + b"\r\n")
        async with asyncio.timeout(5):
            await between.reader.readuntil(b"HTTP/1.1 200")
        for drip in dripping:
            drip.cancel()


async def _drip(guest: Guest) -> None:
    while not guest.writer.is_closing():
        guest.writer.write(b"x")
        await asyncio.sleep(0.05)


async def test_a_client_that_takes_nothing_of_an_answer_is_dropped() -> None:
    async with door() as it:
        await it.open(b"GET /much HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with asyncio.timeout(5):
            await it.app.left.wait()


async def test_idle_connections_make_room_and_busy_ones_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silent ones, and ones between two requests: whoever comes with a request is served."""
    monkeypatch.setattr("api.http.idle_connections.RESERVE", 2)
    async with door(HttpLimits(), most=6) as it:
        busy = [await it.open(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n") for _ in range(3)]
        between = await it.open(GET + b"\r\n")
        await between.head()
        silent = [await it.open() for _ in range(20)]
        ended = [guest.rest() for guest in (between, *silent[:14])]
        assert await asyncio.gather(*ended) == [b"0\r\n\r\n", *[b""] * 14] or await between.rest() == b""
        assert (await it.ask(GET + b"Connection: close\r\n\r\n")).startswith(b"HTTP/1.1 200")
        it.app.go.set()
        assert all([(await guest.head()).startswith(b"HTTP/1.1 200") for guest in busy])


async def test_where_all_are_busy_the_next_is_told_and_probes_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets as well; and silent ones do not keep a probe out."""
    monkeypatch.setattr("api.http.idle_connections.RESERVE", 2)
    async with door(HttpLimits(), most=3) as it:
        busy = [await it.open(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n") for _ in range(3)]
        async with asyncio.timeout(5):
            while len(it.app.asked) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        for _ in range(20):
            await it.open()
        refused = await it.ask(GET + b"\r\n")
        assert problem(refused) == (503, "unavailable")
        assert b"retry-after: 1" in refused
        assert problem(await it.ask(GET + UPGRADE + b"\r\n")) == (503, "unavailable")
        for probe in (b"/livez", b"/readyz", b"/metrics?x=1"):
            answer = await it.ask(b"GET " + probe + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200")
        it.app.go.set()
        for guest in busy:
            await guest.head()
        assert (await it.ask(GET + b"Connection: close\r\n\r\n")).startswith(b"HTTP/1.1 200")


def test_what_is_promised() -> None:
    bounds = HttpLimits()
    assert (bounds.head_bytes, bounds.head_seconds) == (32 * 1024, 10)
    assert Settings(token_secrets=("x" * 32,)).max_connections == CONNECTIONS == 10_000
