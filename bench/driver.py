"""Driver benchmark: what a command costs client and mongod by the store, by PyMongo alone and by a bare socket.

The bare socket sends the same command as one OP_MSG on a connection that is free, reads the answer and decodes it: what
no driver can do without. Then the reads of a session of so many seats, as a whole and of one seat.
"""

import argparse
import asyncio
import struct
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import bson
import uvloop
from pymongo import AsyncMongoClient

from bench.calls import servers
from bench.messages.usage import usage
from callplane.contracts.commands import CreateSession
from callplane.contracts.ids import CommandId, ParticipantId, SessionId
from callplane.store.documents import Seat
from callplane.store.mongo.database import Database, open_database
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database as Corner

OP_MSG = 2013
_HEADER = struct.Struct("<iiii")

Document = dict[str, Any]
Operation = Callable[[int], Awaitable[object]]


@dataclass
class Bare:
    """Connections of which each carries one command at a time."""

    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
    name: str

    async def command(self, command: Document) -> Document:
        """The answer."""
        reader, writer = connection = await self.free.get()
        body = bson.encode({**command, "$db": self.name})
        writer.write(_HEADER.pack(21 + len(body), 0, 0, OP_MSG) + bytes(5) + body)
        length = _HEADER.unpack(await reader.readexactly(_HEADER.size))[0]
        answer = await reader.readexactly(length - _HEADER.size)
        self.free.put_nowait(connection)
        return bson.decode(answer[5:])


@asynccontextmanager
async def bare(url: str, name: str, connections: int) -> AsyncIterator[Bare]:
    """So many, opened."""
    at = urlsplit(url)
    made = Bare(asyncio.Queue(), name)
    writers = []
    for _ in range(connections):
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        made.free.put_nowait((reader, writer))
        writers.append(writer)
    yield made
    for writer in writers:
        writer.close()


def update(number: int) -> Document:
    """An update of one of fifty documents."""
    one = {"q": {"_id": number % 50}, "u": {"$set": {"x": number, "y": "a" * 100}}, "multi": False}
    return {"update": "c", "updates": [one], "ordered": False, "writeConcern": {"w": "majority", "j": True}}


def find(number: int) -> Document:
    """The whole of one of them."""
    where = {"filter": {"_id": number % 50}, "limit": 1, "singleBatch": True}
    return {"find": "c", **where, "readConcern": {"level": "majority"}}


def operations(database: Database, driver: Any, socket: Bare) -> dict[str, Operation]:
    """The same by each way."""
    stored = database["c"]

    async def written(number: int) -> int:
        return await stored.update_repeatable(({"_id": number % 50}, {"$set": {"x": number, "y": "a" * 100}}))

    return {
        "update, store": written,
        "update, PyMongo": lambda number: driver.command(update(number)),
        "update, bare": lambda number: socket.command(update(number)),
        "find, store": lambda number: stored.find_one({"_id": number % 50}),
        "find, PyMongo": lambda number: driver.command(find(number)),
        "find, bare": lambda number: socket.command(find(number)),
    }


async def measured(operation: Operation, count: int, at_once: int, processes: Sequence[int]) -> tuple[float, float]:
    """Microseconds of CPU of this process and of mongod for each."""
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await operation(number)

    ours, theirs = time.process_time(), usage(processes).cpu
    await asyncio.gather(*(work() for _ in range(at_once)))
    each = 1e6 / count
    return (time.process_time() - ours) * each, (usage(processes).cpu - theirs) * each


async def in_turns(
    ways: dict[str, Operation], arguments: argparse.Namespace, at_once: int, processes: Sequence[int]
) -> None:
    """Print the median of the turns for each."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for turn in range(arguments.turns + 1):
        for name, operation in ways.items():
            took = await measured(operation, arguments.count if turn else 200, at_once, processes)
            found[name] += [took] if turn else []
    for name, taken in found.items():
        ours, theirs = (median(each) for each in zip(*taken, strict=True))
        print(f"{name:32} {at_once:3} at once: client {ours:5.0f} µs, mongod {theirs:5.0f} µs")


async def seated(store: Repositories, seats: int) -> dict[str, Operation]:
    """A session of so many, and its reads."""
    session = SessionId(f"of {seats}")
    await store.sessions.create(session, CreateSession(max_participants=seats), store.soon())
    ids = [ParticipantId(f"participant {number:020}") for number in range(seats)]
    for one in ids:
        await store.seats.take(session, Seat(id=one, name="Somebody"), CommandId(f"join {one}"), store.soon())
        found = await store.sessions.find(session)
        await store.sessions.pull_published(session, [entry.id for entry in found.outbox] if found else [])
    return {
        f"{seats} seats, whole": lambda _: store.sessions.find(session),
        f"{seats} seats, one": lambda _: store.sessions.with_seat(session, ids[seats // 2]),
    }


async def bench(corner: Corner, arguments: argparse.Namespace) -> None:
    """Everything, one after the other."""
    processes = [process.pid for process in corner.server.processes]
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(corner.url, corner.name))
        client: AsyncMongoClient[Document] = await stack.enter_async_context(AsyncMongoClient(corner.url))
        socket = await stack.enter_async_context(bare(corner.url, corner.name, max(arguments.at_once)))
        driver = client.get_database(corner.name)
        padding = {f"k{number}": "v" * 20 for number in range(40)}
        await driver["c"].insert_many([{"_id": number, "pad": padding} for number in range(50)])
        for at_once in arguments.at_once:
            await in_turns(operations(database, driver, socket), arguments, at_once, processes)
        store = await stack.enter_async_context(repositories(corner, durable=False))
        for seats in arguments.seats:
            await in_turns(await seated(store, seats), arguments, 8, processes)


async def main(argv: Sequence[str] | None = None) -> None:
    """Start a mongod of its own and print a line for each."""
    parser = argparse.ArgumentParser("python -m bench.driver", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="operations in each turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--at-once", type=int, nargs="+", default=[8, 32])
    parser.add_argument("--seats", type=int, nargs="*", default=[2, 50, 500])
    arguments = parser.parse_args(argv)
    async with servers() as made:
        await bench(made.database, arguments)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1:]))
