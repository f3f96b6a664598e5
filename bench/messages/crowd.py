"""Crowd: clients that make rooms, join them and read at their doors; programs and ceilings are asked alike."""

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from bench.messages.asking import HttpConnection, Pod, ask_json, connect, request
from bench.messages.book import Book, Reader, Room
from bench.messages.doors import DoorName
from bench.messages.doors import door as make_door
from bench.messages.ways import REFUSED, Door, Ways

OPENING_AT_ONCE = 64
JOINING_AT_ONCE = 16
ACKNOWLEDGE_SECONDS = 0.5
SETTLED_WITHIN = 30.0
OPENED_WITHIN = 600.0
QUIET_SECONDS = 0.5
TOLD_SECONDS = 10.0


@dataclass
class Seat:
    """A participant; ``number`` counts over all rooms."""

    number: int
    room: Room
    id: str
    token: str
    reader: Reader
    door: Door | None = None


class Crowd:
    """The clients."""

    def __init__(self, pods: list[str], api_key: str) -> None:
        self.pods = [Pod.of(url) for url in pods]
        self.key = {"X-API-Key": api_key}
        self.book = Book()
        self.rooms: list[Room] = []
        self.seats: list[Seat] = []
        self.doors: list[Door] = []
        self._ways = Ways(self.pods, self.book, self.open_again)
        self.reopened = 0
        """How many openings followed the first ones."""
        self.ended_at = 0.0
        """When the first door ended since this was set to 0."""
        self.opened_at = 0.0
        """When the last one was opened."""
        self._opening: asyncio.Queue[Door] = asyncio.Queue()

    async def run(self) -> None:
        """Open what is to be opened, acknowledge twice a second, and say how far it is, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tell())
            for _ in range(OPENING_AT_ONCE):
                group.create_task(self._open_all())
            group.create_task(self._acknowledge_all())

    async def make_rooms(self, count: int, people: int, door: DoorName | None = None) -> dict[str, Any]:
        """So many sessions more, with so many seats each, each with a client as soon as it has joined."""
        began, first = perf_counter(), len(self.rooms)
        self.rooms += [Room(first + number) for number in range(count)]
        at = await connect(self.pods[0])
        # Nobody may read for long: whoever waits for the last one must not be taken for gone.
        limits = json.dumps({"max_participants": people, "grace": 900}).encode()
        for room in self.rooms[first:]:
            room.session = (await ask_json(at, request("POST", "/v1/sessions", self.key, limits)))["id"]
        at.abort()
        todo = iter([room for room in self.rooms[first:] for _ in range(people)])

        async def some(pod: Pod) -> None:
            at = await connect(pod)
            for room in todo:
                seat = await self._join(at, room)
                if door is not None:
                    self._give_door(seat, door)
            at.abort()

        async with asyncio.TaskGroup() as group:
            for number in range(min(JOINING_AT_ONCE, count * people)):
                group.create_task(some(self.pods[number % len(self.pods)]))
        return {"seconds": perf_counter() - began, "seats": count * people}

    async def _join(self, at: HttpConnection, room: Room) -> Seat:
        path = f"/v1/sessions/{room.session}/participants"
        joined = await ask_json(at, request("POST", path, self.key, b"{}"))
        seat = Seat(len(self.seats), room, joined["participant"]["id"], joined["token"], Reader(room))
        self.seats.append(seat)
        return seat

    def _give_door(self, seat: Seat, name: DoorName) -> None:
        seat.door = made = make_door(name, seat.reader, seat.token, self._ways, seat.number)
        seat.room.readers += 1
        self.doors.append(made)
        self._opening.put_nowait(made)

    async def open_doors(self, name: DoorName) -> dict[str, Any]:
        """A client at each seat that has none, spread over the pods; comes back when all are open and nothing comes."""
        began = perf_counter()
        for seat in self.seats:
            if seat.door is None:
                self._give_door(seat, name)
        await self.until(self.all_open, OPENED_WITHIN)
        took = perf_counter() - began
        await self._quiet()
        return {"seconds": took, "open": sum(one.is_open for one in self.doors)}

    async def _quiet(self) -> None:
        """Wait until what joins have left in mailboxes has been read; keepalives of thousands never cease."""
        given, end = -1, perf_counter() + OPENED_WITHIN
        while given != (now := self.book.tally.delivered + self.book.tally.events) and perf_counter() < end:
            given = now
            await asyncio.sleep(QUIET_SECONDS)

    def drop_doors(self) -> None:
        """Every connection ends at once; they are opened again."""
        for one in self.doors:
            one.drop()

    def all_open(self) -> bool:
        """Whether everybody who still wants to reads."""
        return all(one.is_open for one in self.doors if one.wanted)

    def open_again(self, which: Door, after: float) -> None:
        """Open it later, behind those that wait already."""
        self.reopened += 1
        self.ended_at = self.ended_at or perf_counter()
        asyncio.get_running_loop().call_later(after, self._opening.put_nowait, which)

    async def until(self, condition: Callable[[], bool], within: float = SETTLED_WITHIN, every: float = 0.02) -> bool:
        """Look again and again; whether it came about in time."""
        end = perf_counter() + within
        while not condition():
            if perf_counter() > end:
                return False
            await asyncio.sleep(every)
        return True

    def tally(self) -> dict[str, Any]:
        """What readers were given so far."""
        return {**vars(self.book.tally), "reopened": self.reopened}

    async def _open_all(self) -> None:
        while True:
            one = await self._opening.get()
            if not one.wanted or one.is_open:
                continue
            try:
                await one.open()
                self.opened_at = perf_counter()
            except (OSError, TimeoutError):
                if not one.drop():
                    self.open_again(one, REFUSED)

    async def _tell(self) -> None:
        """A line each ten seconds in which something has come about: large runs take minutes."""
        told = ""
        while True:
            await asyncio.sleep(TOLD_SECONDS)
            is_open = sum(one.is_open for one in self.doors)
            now = f"{len(self.seats)} seats, {is_open} of {len(self.doors)} open, {self.book.tally.delivered} delivered"
            if now != told:
                told = now
                print(f"... {now}", file=sys.stderr, flush=True)

    async def _acknowledge_all(self) -> None:
        while True:
            await asyncio.sleep(ACKNOWLEDGE_SECONDS)
            for one in self.doors:
                one.acknowledge()
