"""Webhook receiver: an HTTP server on loopback that takes, refuses, hangs, resets, floods or drips as it is told."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

Behaviour = Literal["ok", "error", "busy", "hang", "reset", "gone", "redirect", "big", "drip"]

_HEADS: dict[str, bytes] = {
    "ok": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "error": b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
    "gone": b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
    "big": b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n",
}


@dataclass(frozen=True)
class Received:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    behaviour: Behaviour

    @property
    def id(self) -> str:
        """Of the event."""
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        """What it said."""
        event: dict[str, Any] = json.loads(self.body)
        return event

    @property
    def is_taken(self) -> bool:
        """Whether its sender was told that it has come."""
        return self.behaviour in ("ok", "big")


@dataclass
class WebhookReceiver:
    """What has come, and how the next is answered."""

    behave: Callable[[str, str], Behaviour]
    """Of a path and an event's id."""
    retry_after: str = "1"
    port: int = 0
    received: list[Received] = field(default_factory=list)
    taken_ids: set[str] = field(default_factory=set)
    """Ids of what was answered with 200."""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str = "/") -> str:
        """Of an endpoint here."""
        return f"http://127.0.0.1:{self.port}{path}"

    def taken(self, path: str = "/") -> list[Received]:
        """What was answered with 200 there."""
        return [one for one in self.received if one.is_taken and one.path == path]

    async def until(self, enough: Callable[[], bool], within: float = 30.0) -> None:
        """Back when what has come is enough."""
        async with asyncio.timeout(within):
            while not enough():
                self.news.clear()
                await self.news.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._one(reader, writer):
                pass
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines if one)}
        body = await reader.readexactly(int(headers["content-length"]))
        path = line.split()[1]
        behaviour = self.behave(path, headers.get("webhook-id", ""))
        self.received.append(Received(path, headers, body, behaviour))
        if self.received[-1].is_taken:
            self.taken_ids.add(self.received[-1].id)
        self.news.set()
        return await self._answer(behaviour, reader, writer)

    async def _answer(self, behaviour: Behaviour, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        match behaviour:
            case "hang":
                await reader.read()
                return False
            case "reset":
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01" + bytes(7))
                writer.transport.abort()
                return False
            case "busy":
                head = f"HTTP/1.1 429 Later\r\nRetry-After: {self.retry_after}\r\nContent-Length: 0\r\n\r\n"
                writer.write(head.encode())
            case "drip":
                while not reader.at_eof():
                    writer.write(b"H")
                    await writer.drain()
                    await asyncio.sleep(0.05)
            case "big":
                writer.write(_HEADS["big"])
                for _ in range(100):
                    writer.write(bytes(100_000))
                    await writer.drain()
            case _:
                writer.write(_HEADS[behaviour])
        await writer.drain()
        return True


@asynccontextmanager
async def webhook_receiver(behave: Callable[[str, str], Behaviour]) -> AsyncIterator[WebhookReceiver]:
    """A receiver for the block."""
    receiver = WebhookReceiver(behave)
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await receiver.serve(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            connections.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        if connections:
            await asyncio.wait(connections, timeout=5)
