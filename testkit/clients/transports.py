"""Clients of the three doors of a mailbox, which behave as browsers do: whatever fails is opened again elsewhere."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

READ_WITHIN = 60.0
FAILURES = (httpx.HTTPError, OSError, ConnectionClosed, InvalidHandshake, TimeoutError)


class Refused(Exception):
    """An answer, or an end of a stream, that asking again does not cure."""


class Reader:
    """Reads one mailbox on one pod after the other, and acknowledges all that it reads."""

    def __init__(self, http: httpx.AsyncClient, token: str, urls: Sequence[str], seed: int = 1) -> None:
        self.http = http
        self.headers = {"Authorization": f"Bearer {token}"}
        self.urls = list(urls)
        self.read: list[str] = []
        self.repeats = 0
        self.opened = 0
        self.acknowledges = True
        """Whether it says what it has read, without being asked again."""
        self.inside = asyncio.Event()
        self.ack: str | None = None
        self._random = random.Random(seed)

    async def read_until(self, count: int) -> list[str]:
        """Go on until so many different messages have come, and are acknowledged."""
        async with asyncio.timeout(READ_WITHIN):
            while len(self.read) < count:
                try:
                    self.opened += 1
                    await self.session(self._random.choice(self.urls), count)
                except FAILURES:
                    await asyncio.sleep(0.05)
            await self.settle()
        return self.read

    async def session(self, url: str, count: int) -> None:
        """Read through one connection until it ends or all is there."""
        raise NotImplementedError

    async def settle(self) -> None:
        """Acknowledge the last, and see that nothing more comes: by a poll, which every pod answers."""
        while True:
            answer = await self._get(self._random.choice(self.urls), wait=0)
            if answer is not None and not answer["messages"]:
                return
            if answer is not None:
                self.take(answer)
            await asyncio.sleep(0.02)

    def take(self, answer: dict[str, Any]) -> None:
        """Remember what came, and what to acknowledge."""
        for message in answer["messages"]:
            if message["id"] in self.read:
                self.repeats += 1
            else:
                self.read.append(message["id"])
        self.ack = answer["ack"] or self.ack

    async def ticket(self, url: str) -> str:
        """A ticket of this pod."""
        answer = await self.http.post(f"{url}/v1/messages/tickets", headers=self.headers)
        check(answer)
        return str(answer.json()["ticket"])

    def query(self, **more: object) -> dict[str, str]:
        """Query parameters, the acknowledgement among them."""
        return {key: str(value) for key, value in {**more, "ack": self.ack}.items() if value is not None}

    async def _get(self, url: str, wait: float) -> dict[str, Any] | None:
        try:
            answer = await self.http.get(f"{url}/v1/messages", params=self.query(wait=wait), headers=self.headers)
            check(answer)
        except FAILURES:
            return None
        return dict(answer.json())


def check(answer: httpx.Response) -> None:
    """Tell trouble that passes from a refusal."""
    if answer.status_code >= 500:
        raise httpx.TransportError(answer.text)
    if answer.status_code >= 400:
        raise Refused(answer.json()["code"])


class PollReader(Reader):
    """``GET /messages``, again and again."""

    async def session(self, url: str, count: int) -> None:
        """One poll; nothing tells when it has come in."""
        self.inside.set()
        answer = await self._get(url, wait=2)
        if answer is None:
            raise TimeoutError
        self.take(answer)


class StreamReader(Reader):
    """``GET /messages/stream``; what it acknowledges, it acknowledges by opening the next."""

    async def session(self, url: str, count: int) -> None:
        """One stream; the ticket may be of another pod."""
        ticket = await self.ticket(self._random.choice(self.urls))
        async with opened_stream(self.http, url, self.query(ticket=ticket)) as events:
            async for event in events:
                self.inside.set()
                if event["event"] == "end":
                    return _over(json.loads(event["data"])["code"])
                if event["event"] == "message":
                    self.take({"messages": [json.loads(event["data"])], "ack": event["id"]})
                if len(self.read) >= count:
                    return None
        return None


class SocketReader(Reader):
    """``/v1/messages/socket``; it acknowledges each frame at once."""

    async def session(self, url: str, count: int) -> None:
        """One socket; the ticket may be of another pod."""
        ticket = await self.ticket(self._random.choice(self.urls))
        async with opened_socket(url, self.query(ticket=ticket)) as socket:
            try:
                async for frame in socket:
                    self.inside.set()
                    answer = json.loads(frame)
                    self.take(answer)
                    if answer["ack"] and self.acknowledges:
                        await socket.send(json.dumps({"ack": answer["ack"]}))
                    if len(self.read) >= count:
                        return None
            except ConnectionClosed as closed:
                return _over(closed.rcvd.reason if closed.rcvd else "unavailable")
        return None


DOORS: dict[str, type[Reader]] = {"poll": PollReader, "sse": StreamReader, "websocket": SocketReader}


def _over(reason: str) -> None:
    if reason not in ("unavailable", "unacknowledged", ""):
        raise Refused(reason)


@asynccontextmanager
async def opened_stream(
    http: httpx.AsyncClient, url: str, query: dict[str, str], headers: dict[str, str] | None = None
) -> AsyncIterator[AsyncIterator[dict[str, str]]]:
    """The events of a stream, comments among them, for the block."""
    target = f"{url}/v1/messages/stream"
    async with http.stream("GET", target, params=query, headers=headers, timeout=20) as answer:
        if answer.status_code != 200:
            await answer.aread()
            check(answer)
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield events_of(answer.aiter_lines())


async def events_of(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, str]]:
    """What the HTML standard reads out of the lines (9.2.6); a comment alone is an event of that name."""
    event: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(":")
            event[name or "comment"] = value.removeprefix(" ")
        elif event:
            kind = event.get("event", "message" if "data" in event else "comment" if "comment" in event else "retry")
            yield {**event, "event": kind}
            event = {}


async def until_parked(http: httpx.AsyncClient, url: str = "", polls: int = 1) -> None:
    """Wait until so many polls, or streams, wait at mailboxes of the pod, as it says of itself."""
    async with asyncio.timeout(20):
        while f"callplane_polls_parked {polls}.0" not in (await http.get(f"{url}/metrics")).text:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def opened_socket(url: str, query: dict[str, str], headers: dict[str, str] | None = None) -> connect:
    """A socket, once it is entered."""
    target = str(httpx.URL(url.replace("http", "ws", 1) + "/v1/messages/socket", params=query))
    return connect(target, additional_headers=headers or {}, proxy=None, close_timeout=1)


async def frame(socket: ClientConnection) -> dict[str, Any]:
    """The next frame that holds messages."""
    while True:
        answer: dict[str, Any] = json.loads(await socket.recv())
        if answer["messages"]:
            return answer
