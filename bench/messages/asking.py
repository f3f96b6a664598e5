"""HTTP connection of a client that costs little: one question at a time, answered by a callback or a future."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from bench.messages.frames import Answers, Headers

PATIENCE = 60.0
"""Seconds for an answer; a poll waits 25."""


@dataclass(frozen=True)
class Pod:
    """Where an API pod listens."""

    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Pod":
        """The pod at an address."""
        parts = urlsplit(url)
        return cls(str(parts.hostname), int(parts.port or 80))


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", *(f"{name}: {value}" for name, value in headers.items())]
    if body or method == "POST":
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


OnAnswer = Callable[[int, bytes], None]
"""Status and body; status 0 when the connection ended first."""


class HttpConnection(asyncio.Protocol):
    """One connection, kept alive. ``on_lost`` is told its end."""

    def __init__(self, on_lost: Callable[[], None] | None = None) -> None:
        self._answers = Answers(self._head, self._body, self._end)
        self._on_lost = on_lost
        self._waiting: OnAnswer | None = None
        self._transport: asyncio.Transport | None = None
        self._status = 0
        self._pieces: list[bytes] = []

    @property
    def is_open(self) -> bool:
        """Whether it can be asked."""
        return self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It may be used."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits is told."""
        self._transport = None
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting(0, b"")
        if self._on_lost is not None:
            self._on_lost()

    def data_received(self, data: bytes) -> None:
        """Some of an answer."""
        self._answers.feed(data)

    def send(self, question: bytes, on_answer: OnAnswer) -> None:
        """Ask; one thing at a time."""
        assert self._waiting is None
        if self._transport is None:
            on_answer(0, b"")
            return
        self._waiting = on_answer
        self._transport.write(question)

    async def ask(self, question: bytes) -> tuple[int, bytes]:
        """Ask and wait for status and body."""
        answer: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()

        def answered(status: int, body: bytes) -> None:
            if not answer.done():
                answer.set_result((status, body))

        self.send(question, answered)
        async with asyncio.timeout(PATIENCE):
            return await answer

    def abort(self) -> None:
        """End it as a client that has gone."""
        if self._transport is not None:
            self._transport.abort()

    def _head(self, status: int, _headers: Headers) -> None:
        self._status = status

    def _body(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def _end(self) -> None:
        waiting, self._waiting = self._waiting, None
        body = b"".join(self._pieces)
        self._pieces.clear()
        if waiting is not None:
            waiting(self._status, body)


async def connect(pod: Pod, on_lost: Callable[[], None] | None = None) -> HttpConnection:
    """A new connection. Raises OSError."""
    loop = asyncio.get_running_loop()
    _, made = await loop.create_connection(lambda: HttpConnection(on_lost), pod.host, pod.port)
    return made


async def ask_json(at: HttpConnection, question: bytes) -> dict[str, Any]:
    """The answer to something that must succeed; one without a body is empty."""
    status, body = await at.ask(question)
    if status not in range(200, 300):
        raise SystemExit(f"{question.splitlines()[0].decode()}: {status} {body[:300].decode(errors='replace')}")
    found: dict[str, Any] = json.loads(body or b"{}")
    return found
