"""Frames that RFC 6455 forbids, and those that it bids us to understand, by its sections; then our own bounds."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from api.auth.token_bucket import Rate
from api.http import websocket_protocol
from testkit.servers.servers import Database
from tests.integration.mailboxes.test_over_http import ANN, Served, served
from tests.unit.api.streaming.test_streams import UPGRADE

MASK = b"\x11\x22\x33\x44"
FIN, CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x80, 0, 1, 2, 8, 9, 10


def frame(first: int, payload: bytes = b"", *, size: bytes | None = None) -> bytes:
    """A masked frame; ``size`` stands instead of the length that it has."""
    if size is None:
        many = len(payload)
        size = bytes((many,)) if many < 126 else struct.pack("!BH", 126, many)
        size = size if many < 1 << 16 else struct.pack("!BQ", 127, many)
    masked = bytes(one ^ MASK[n % 4] for n, one in enumerate(payload))
    return bytes((first, size[0] | 0x80)) + size[1:] + MASK + masked


class Wire:
    """A socket whose client writes what bytes it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def read(self) -> tuple[int, bytes]:
        """The next frame: its first byte, and its payload."""
        async with asyncio.timeout(5):
            first, size = await self._reader.readexactly(2)
            if size == 126:
                (size,) = struct.unpack("!H", await self._reader.readexactly(2))
            return first, await self._reader.readexactly(size)

    async def until(self, opcode: int) -> bytes:
        """The payload of the next frame of that kind."""
        while True:
            first, payload = await self.read()
            if first == FIN | opcode:
                return payload

    async def closed(self) -> int:
        """With which code it was closed; behind that nothing comes but the end."""
        (code,) = struct.unpack("!H", (await self.until(CLOSE))[:2])
        # Who sends on what nobody reads any more may find a reset behind the close frame.
        async with asyncio.timeout(5):
            with suppress(ConnectionResetError):
                assert await self._reader.read() == b""
        return int(code)


@asynccontextmanager
async def wired(pod: Served) -> AsyncIterator[Wire]:
    """A socket of the seat's, whose first frame was read."""
    url = httpx.URL(pod.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    lines = ["GET /messages/socket HTTP/1.1", "Host: localhost", f"Authorization: Bearer {pod.token}", *UPGRADE, "", ""]
    writer.write("\r\n".join(lines).encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    wire = Wire(reader, writer)
    await wire.until(TEXT)
    try:
        yield wire
    finally:
        writer.close()


BAD = {
    "5.1, not masked": (b"\x81\x02{}", 1002),
    "5.2, a reserved bit": (frame(FIN | 0x40 | TEXT, b"{}"), 1002),
    "5.2, a reserved bit of no extension of ours": (frame(FIN | 0x10 | TEXT, b"{}"), 1002),
    "5.2, a reserved opcode": (frame(FIN | 3, b"{}"), 1002),
    "5.2, a reserved opcode of a control frame": (frame(FIN | 11), 1002),
    "5.2, a length beyond 2^63": (frame(FIN | TEXT, size=b"\x7f" + b"\xff" * 8), 1009),
    "5.4, a continuation of nothing": (frame(FIN | CONT, b"{}"), 1002),
    "5.4, a message inside of another": (frame(TEXT, b"{") + frame(FIN | TEXT, b"}"), 1002),
    "5.5, a control frame in fragments": (frame(PING, b"x"), 1002),
    "5.5, a control frame of 126 bytes": (frame(FIN | PING, b"x" * 126), 1002),
    "5.5.1, half a code": (frame(FIN | CLOSE, b"\x03"), 1002),
    "5.5.1, a reason that is no UTF-8": (frame(FIN | CLOSE, b"\x03\xe8\xff"), 1007),
    "7.4.1, a code that nobody sends": (frame(FIN | CLOSE, struct.pack("!H", 1005)), 1002),
    "7.4.2, a code below all": (frame(FIN | CLOSE, struct.pack("!H", 999)), 1002),
    "8.1, text that is no UTF-8": (frame(FIN | TEXT, b"\xff"), 1007),
    "8.1, half a character at the end of a message": (frame(TEXT, b"{") + frame(FIN | CONT, b"\xc3"), 1007),
    "10.4, a message that is too long": (frame(FIN | TEXT, size=struct.pack("!BQ", 127, 300_000)), 1009),
    "10.4, fragments that are": ((frame(TEXT, b"x" * 65_000) + frame(CONT, b"x" * 65_000) * 5), 1009),
    "ours: binary": (frame(FIN | BINARY, b"{}"), 4422),
    "ours: no JSON": (frame(FIN | TEXT, b"hello"), 4422),
    "ours: an empty message": (frame(FIN | TEXT), 4422),
}


async def test_what_is_forbidden_is_closed_with_the_code_of_its_section(database: Database, capfd) -> None:
    """Nothing is logged of it, and what was not acknowledged comes again."""
    async with served(database) as pod:
        await pod.scene.publisher.to(ANN, "1")
        for what, (sent, code) in BAD.items():
            async with wired(pod) as wire:
                wire.writer.write(sent)
                assert await wire.closed() == code, what
        assert [one["id"] for one in (await pod.get(wait=5)).json()["messages"]] == ["1"]
    assert capfd.readouterr().err == ""


async def test_what_is_allowed_is_understood(database: Database) -> None:
    """Fragments with a ping between them and half a character in each (5.4), pongs that nobody asked for (5.5.3)."""
    async with served(database) as pod:
        await pod.scene.publisher.to(ANN, "1")
        async with wired(pod) as wire:
            wire.writer.write(frame(FIN | PONG, b"unasked") + frame(FIN | PING, b"p" * 125))
            assert await wire.until(PONG) == b"p" * 125
            text = '{"request":"é","method":"GET","path":"/sessions/none"}'.encode()
            cut = text.index(b"\xc3") + 1
            for one in (
                frame(TEXT, text[:cut]),
                frame(FIN | PING, b"between"),
                frame(CONT),
                frame(FIN | CONT, text[cut:]),
            ):
                for n in range(len(one)):
                    wire.writer.write(one[n : n + 1])
                    await asyncio.sleep(0)
            assert await wire.until(PONG) == b"between"
            assert json.loads(await wire.until(TEXT))["reply"] == "é"
            wire.writer.write(frame(FIN | CLOSE, struct.pack("!H", 1000)) + frame(FIN | TEXT, b"behind the end"))
            assert await wire.closed() == 1000


async def test_half_a_message_is_not_waited_for_for_ever(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither half a frame, nor a fragment that nothing follows, however much the client says beside it."""
    monkeypatch.setattr(websocket_protocol, "MESSAGE_WITHIN", 0.3)
    async with served(database) as pod:
        for half in (frame(FIN | TEXT, b"x" * 100)[:50], frame(TEXT, b"{") + frame(FIN | PING)):
            async with wired(pod) as wire:
                wire.writer.write(half)
                assert await wire.closed() == 1008


async def test_empty_fragments_are_counted(database: Database) -> None:
    """They add nothing to a message but their number."""
    async with served(database) as pod, wired(pod) as wire:
        wire.writer.write(frame(TEXT) + frame(CONT) * websocket_protocol.FRAGMENTS)
        assert await wire.closed() == 1008


async def test_a_flood_of_pings_ends_the_socket(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would have us answer."""
    monkeypatch.setattr(websocket_protocol, "CONTROL_FRAMES", Rate(0.1, 20))
    async with served(database) as pod, wired(pod) as wire:
        wire.writer.write(frame(FIN | PING) * 20)
        for _ in range(20):
            await wire.until(PONG)
        wire.writer.write(frame(FIN | PING))
        assert await wire.closed() == 1008


HANDSHAKES = (
    (),
    UPGRADE[:3],
    (*UPGRADE[:2], "Sec-WebSocket-Version: 8", UPGRADE[3]),
    (*UPGRADE[:3], "Sec-WebSocket-Key: short"),
)


async def test_a_handshake_that_is_none_is_a_problem(database: Database) -> None:
    """Who speaks another version is told which is spoken here (4.4)."""
    async with served(database) as pod:
        url = httpx.URL(pod.url)
        for lines in HANDSHAKES:
            reader, writer = await asyncio.open_connection(url.host, url.port)
            head = ["GET /messages/socket HTTP/1.1", "Host: localhost", f"Authorization: Bearer {pod.token}", *lines]
            writer.write("\r\n".join([*head, "", ""]).encode())
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 400 "), lines
            assert b"application/problem+json" in answer
            assert not lines or b"sec-websocket-version: 13" in answer
            writer.close()
            await writer.wait_closed()
