"""Logs on a test's database: appenders as several processes have them, and a walk through what they wrote."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic

from callplane.concurrency import alongside
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import SessionId
from callplane.contracts.messages import Message
from callplane.store.log.appender import Appender
from callplane.store.log.reader import LogReader
from callplane.store.log.records import Entry, LogKey, record_id
from callplane.store.mongo.database import Database as Opened
from callplane.store.mongo.database import DatabaseClock, open_database

ROOM = LogKey("room", SessionId("room"))


@dataclass
class Clock:
    """A monotonic clock that a test puts forward, as if the process had been paused."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return monotonic() + self.ahead


@dataclass
class Writer:
    """One process's appender, with a client of its own."""

    database: Opened
    appender: Appender
    clock: Clock
    acknowledged: dict[str, int | None] = field(default_factory=dict)

    async def append(self, *ids: str, log: LogKey = ROOM) -> list[int | None]:
        """Append signals of these ids, again and again until it is known."""
        while True:
            try:
                positions = await self.appender.append(log, [Entry(one, "signal", b"{}") for one in ids])
            except Unavailable:
                continue
            self.acknowledged |= zip(ids, positions, strict=True)
            return positions


@asynccontextmanager
async def writers(url: str, name: str, count: int) -> AsyncIterator[list[Writer]]:
    """So many of them."""
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(count):
            database = await stack.enter_async_context(open_database(url, name))
            appender = Appender(database, DatabaseClock(database), clock := Clock())
            await stack.enter_async_context(alongside(appender.run()))
            made.append(Writer(database, appender, clock))
        yield made


async def walked(database: Opened, log: LogKey = ROOM) -> list[str]:
    """The ids of a whole log, in order. AssertionError: its records do not follow each other."""
    ids: list[str] = []
    while chain := await LogReader(database).chain(log, len(ids) + 1):
        ids += [entry.id for record in chain for entry in record.entries]
    assert (await LogReader(database).head(log)).position == len(ids)
    assert (
        await database["log"].count_documents({"_id": {"$gt": record_id(log.key, len(ids)), "$lt": f"{log.key};"}}) == 0
    )
    return ids


async def logged(database: Opened, log: LogKey) -> list[Message]:
    """The messages of a log of a hundred records at most, in order. AssertionError: they do not follow each other."""
    await walked(database, log)
    records = await LogReader(database).chain(log, 1)
    return [Message.model_validate_json(entry.body) for record in records for entry in record.entries]
