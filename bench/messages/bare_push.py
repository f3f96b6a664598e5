"""Bare ASGI push, a ceiling: the same doors, frames and client, on our own listener, with nothing behind them.

A room is a list of what was sent; a message goes to each reader by one ``send`` of ASGI. No authentication, no limits,
no store, no broker: what an ASGI program needs at least for the same deliveries.
"""

import asyncio
import itertools
import json
import os
import sys
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import uvloop
from starlette.types import Receive, Scope, Send

from api.http.server import bind, serve_asgi

OPEN_SECONDS = 30.0
_AT = "2026-01-05T09:00:00.000000Z"


@dataclass
class BareRoom:
    """What was sent, and who hears of it."""

    messages: list[bytes] = field(default_factory=list)
    sockets: list[Send] = field(default_factory=list)
    streams: list[Send] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, and replaced, with each message: for polls."""

    async def push(self, message: bytes) -> None:
        """To everybody, one after the other."""
        self.messages.append(message)
        ack = len(self.messages)
        frame = b'{"messages":[%b],"ack":"%d"}' % (message, ack)
        event = b"id: %d\ndata: %b\n\n" % (ack, message)
        self.more.set()
        self.more = asyncio.Event()
        for send in self.sockets:
            await send({"type": "websocket.send", "text": frame.decode()})
        for send in self.streams:
            await send({"type": "http.response.body", "body": event, "more_body": True})


class BarePush:
    """The application; a token is its room's name."""

    def __init__(self) -> None:
        self._rooms: dict[str, BareRoom] = {}
        self._ids = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""
        path = str(scope["path"])
        if scope["type"] == "websocket":
            await self._socket(self._room_of(scope), receive, send)
        elif path == "/v1/messages/stream":
            await self._stream(self._room_of(scope), receive, send)
        elif path == "/v1/messages":
            await self._poll(self._room_of(scope), scope, send)
        else:
            await self._post(path.split("/"), receive, send)

    def _room_of(self, scope: Scope) -> BareRoom:
        authorization = dict(scope["headers"])[b"authorization"].decode()
        return self._rooms[authorization.removeprefix("Bearer ")]

    async def _post(self, path: list[str], receive: Receive, send: Send) -> None:
        body = await whole_body(receive)
        number, status = f"{next(self._ids):036d}", 201
        if path[-1] == "sessions":
            self._rooms[number] = BareRoom()
            said: dict[str, Any] = {"id": number}
        elif path[-1] == "participants":
            said = {"participant": {"id": number}, "token": path[-2]}
        else:
            status, said = 202, {"id": number}
            await self._rooms[path[-2]].push(_message(number, path[-2], json.loads(body)))
        await answer(send, status, json.dumps(said).encode())

    async def _socket(self, room: BareRoom, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        room.sockets.append(send)
        while (await receive())["type"] != "websocket.disconnect":
            pass
        room.sockets.remove(send)

    async def _stream(self, room: BareRoom, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": b": \n\n", "more_body": True})
        room.streams.append(send)
        while (await receive())["type"] != "http.disconnect":
            pass
        room.streams.remove(send)

    async def _poll(self, room: BareRoom, scope: Scope, send: Send) -> None:
        query = parse_qs(scope["query_string"])
        asked, wait = int(query.get(b"ack", [b"0"])[0]), float(query[b"wait"][0])
        if asked >= len(room.messages) and wait:
            try:
                async with asyncio.timeout(wait):
                    await room.more.wait()
            except TimeoutError:
                pass
        found = room.messages[asked : asked + 100]
        ack = b'"%d"' % (asked + len(found)) if found else b"null"
        await answer(send, 200, b'{"messages":[%b],"ack":%b}' % (b",".join(found), ack))


def _message(id_: str, session: str, signal: dict[str, Any]) -> bytes:
    """A signal as the programs write it, byte for byte as long."""
    data = {"from": "0" * 36, **signal}
    message = {"id": id_, "type": "signal", "session_id": session, "version": None, "at": _AT, "data": data}
    return json.dumps(message, separators=(",", ":")).encode()


async def whole_body(receive: Receive) -> bytes:
    """The body of a request."""
    body = b""
    while (part := await receive()).get("more_body"):
        body += part["body"]
    return body + bytes(part["body"])


async def answer(send: Send, status: int, body: bytes) -> None:
    """One answer in JSON."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def main() -> None:
    """Serve until the process is ended."""
    async with serve_asgi(BarePush(), bind("127.0.0.1", 0), 100_000) as url:
        print(json.dumps({"ready": True, "url": url}), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    os.environ.pop("PYTHONASYNCIODEBUG", None)
    sys.exit(uvloop.run(main()))
