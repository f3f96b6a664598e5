"""Senders: signals into the crowd's rooms, paced, as many as go, or one from everybody, and what came of them.

A seat has one signal under way, so that the order of a sender means something. Times begin when a signal was due, not
when somebody got round to sending it. What was refused for now is repeated under its key, as the SDK does.
"""

import asyncio
import json
from collections import Counter, deque
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from bench.messages.asking import PATIENCE, HttpConnection, Pod, connect, request
from bench.messages.book import Room, quantile
from bench.messages.crowd import Crowd, Seat
from bench.messages.streams import WebSocketDoor

CONNECTIONS = 64
"""Of all senders of a run."""

PAUSE = 0.1
TRIES = 100
LOST_AFTER = 10.0
"""Seconds without any delivery after which what has not come counts as lost."""


@dataclass
class Sent:
    """What a run sent; times in seconds."""

    began: float = field(default_factory=perf_counter)
    sent: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Answers other than 202, by status; each was repeated."""
    given_up: int = 0
    took: list[float] = field(default_factory=list)
    """From question to answer."""
    marks: list[tuple[Room, int]] = field(default_factory=list)
    ended: float = 0.0
    """When the last one was accepted."""

    def owed(self) -> int:
        """Deliveries that are still to come."""
        return sum(room.left[number] for room, number in self.marks)


@dataclass(frozen=True)
class Sending:
    """How many bytes each signal has to carry, whether under a key, and where and how it is sent."""

    bytes: int
    keys: bool = False
    to: list[Pod] = field(default_factory=list)
    frames: bool = False
    """Whether who reads by WebSocket sends there as well."""


class Senders:
    """Sends over connections of its own, each to the next pod; answers with figures."""

    def __init__(self, crowd: Crowd, how: Sending) -> None:
        self._crowd, self._filling, self._how = crowd, "x" * how.bytes, how
        self._connections: deque[HttpConnection] = deque()
        self._to_pod = -1

    async def paced(self, rate: float, seconds: float) -> dict[str, Any]:
        """So many a second into each room, evenly, from its seats in turn."""
        sent, free = Sent(), self.free_seats()
        began, rooms = perf_counter() + 0.05, self._crowd.rooms
        every = 1 / (rate * len(rooms))
        async with asyncio.TaskGroup() as group:
            for number in range(int(seconds / every)):
                due = began + number * every
                await asyncio.sleep(max(0.0, due - perf_counter()))
                room = rooms[number % len(rooms)]
                group.create_task(self.send_from(free[room.number], room, due, sent))
        return await self.figures(sent)

    async def flood(self, in_flight: int, seconds: float) -> dict[str, Any]:
        """Keep so many under way, over all rooms, for so long."""
        sent, free = Sent(), self.free_seats()
        end, rooms = perf_counter() + seconds, self._crowd.rooms

        async def one(first: int) -> None:
            number = first
            while perf_counter() < end:
                room = rooms[number % len(rooms)]
                await self.send_from(free[room.number], room, perf_counter(), sent)
                number += in_flight

        async with asyncio.TaskGroup() as group:
            for number in range(in_flight):
                group.create_task(one(number))
        return await self.figures(sent)

    async def everybody(self) -> dict[str, Any]:
        """Each seat sends one message, all at once, over so many connections as senders have."""
        sent, todo = Sent(), iter(self._crowd.seats)

        async def some() -> None:
            for seat in todo:
                await self._send(seat, sent.began, sent)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(CONNECTIONS, len(self._crowd.seats))):
                group.create_task(some())
        return await self.figures(sent)

    def free_seats(self) -> list[asyncio.Queue[Seat]]:
        """By room: its seats that have nothing under way; who does not read would not hear the reply to a frame."""
        free: list[asyncio.Queue[Seat]] = [asyncio.Queue() for _ in self._crowd.rooms]
        for seat in self._crowd.seats:
            if seat.door is None or seat.door.wanted:
                free[seat.room.number].put_nowait(seat)
        return free

    async def send_from(self, free: asyncio.Queue[Seat], room: Room, due: float, sent: Sent) -> None:
        """One signal of the next seat that has nothing under way."""
        seat = await free.get()
        await self._send(seat, due, sent)
        free.put_nowait(seat)

    async def _send(self, seat: Seat, due: float, sent: Sent) -> None:
        number, mark = seat.room.mark(seat.number, due)
        await self.put(seat, number, self.signal(seat, number, mark), sent)

    def signal(self, seat: Seat, number: int, mark: str, to: str | None = None) -> bytes:
        """The request that sends a signal with that mark, to all or to one; a frame's text where it is to be one."""
        body = {"type": "bench", "data": mark + self._filling} | ({} if to is None else {"to": to})
        path, key = f"/v1/sessions/{seat.room.session}/signals", f"bench-{seat.room.session}-{number}"
        if self._how.frames and isinstance(seat.door, WebSocketDoor):
            once = {"idempotency_key": key} if self._how.keys else {}
            return json.dumps({"request": str(number), "method": "POST", "path": path, "body": body, **once}).encode()
        headers = {"Authorization": f"Bearer {seat.token}"} | ({"Idempotency-Key": key} if self._how.keys else {})
        return request("POST", path, headers, json.dumps(body).encode())

    async def put(self, seat: Seat, number: int, question: bytes, sent: Sent) -> None:
        """Ask until it is accepted."""
        sent.sent += 1
        for _ in range(TRIES):
            began = perf_counter()
            if question.startswith(b"{") and isinstance(seat.door, WebSocketDoor):
                status = await _by_frame(seat.door, str(number), question)
            else:
                status = await self._by_post(question)
            if status in (200, 202):
                sent.marks.append((seat.room, number))
                sent.ended = perf_counter()
                sent.took.append(sent.ended - began)
                return
            sent.refused[str(status)] += 1
            await asyncio.sleep(PAUSE)
        sent.given_up += 1
        seat.room.forget(number)

    async def _by_post(self, question: bytes) -> int:
        """The status; 0: no pod could be reached, as in the moment in which a thousand clients of a dead one come."""
        try:
            at = await self._connection()
        except OSError:
            return 0
        status, _ = await at.ask(question)
        if at.is_open:
            self._connections.append(at)
        return status

    async def _connection(self) -> HttpConnection:
        while self._connections:
            if (at := self._connections.popleft()).is_open:
                return at
        pods = self._how.to
        for _ in range(len(pods)):
            self._to_pod += 1
            try:
                return await connect(pods[self._to_pod % len(pods)])
            except OSError:
                continue  # That pod is gone.
        raise OSError("no pod can be reached")

    async def figures(self, sent: Sent) -> dict[str, Any]:
        """Wait for what is owed for as long as something comes, and count."""
        tally, before, quiet_since = self._crowd.book.tally, -1, perf_counter()
        while sent.owed() and perf_counter() - quiet_since < LOST_AFTER:
            if tally.delivered != before:
                before, quiet_since = tally.delivered, perf_counter()
            await asyncio.sleep(0.05)
        lags = [room.done[number] - room.due[number] for room, number in sent.marks if room.done[number]]
        last = max((room.done[number] for room, number in sent.marks), default=0.0)
        return {
            "sent": sent.sent,
            "accepted": len(sent.marks),
            "refused": dict(sent.refused),
            "given_up": sent.given_up,
            "lost": sent.owed(),
            "seconds": max(last, sent.ended) - sent.began,
            "last_p50": quantile(lags, 0.5),
            "last_p99": quantile(lags, 0.99),
            "took_p50": quantile(sent.took, 0.5),
            **self._crowd.tally(),
        }


async def _by_frame(door: WebSocketDoor, name: str, question: bytes) -> int:
    status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    door.send(name, question, lambda told: None if status.done() else status.set_result(told))
    async with asyncio.timeout(PATIENCE):
        return await status
