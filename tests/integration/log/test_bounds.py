"""Bounds of a log: what goes goes from the front, only what is old, and the log is read on behind it."""

from datetime import timedelta

import pytest

from callplane.contracts.ids import SessionId
from callplane.store.log import bounds as module
from callplane.store.log.bounds import LogBounds
from callplane.store.log.reader import LogReader
from callplane.store.log.records import LogKey, id_range
from callplane.store.mongo.database import DatabaseClock
from testkit.inprocess.logs import ROOM, Writer, writers
from testkit.servers.servers import Database
from testkit.servers.until import until

LATER = module.KEPT_SECONDS + 1


async def firsts(writer: Writer, log: LogKey = ROOM) -> list[int]:
    """The positions of a log, of which each is a record's here."""
    return [at for at, _entry in (await LogReader(writer.database).page(log, 0, 10_000)).entries]


async def _are(writer: Writer, positions: range) -> bool:
    return await firsts(writer) == list(positions)


async def age(writer: Writer, *positions: int) -> None:
    """Make those records old that begin at these positions; without any, all of them."""
    old = DatabaseClock(writer.database).now() - timedelta(seconds=LATER)
    which = {"e.i": {"$in": [str(one) for one in positions]}} if positions else {"_id": id_range(ROOM.key)}
    await writer.database["log"].update_many(which, {"$set": {"at": old}})


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs of ten entries, which are looked at after every fifth."""
    monkeypatch.setattr(module, "ENTRIES_KEPT", 10)
    monkeypatch.setattr("callplane.store.log.appender.CUT_EVERY", 5)


async def test_what_is_beyond_the_bound_and_old_goes_with_an_append(database: Database, small: None) -> None:
    async with writers(database.url, database.name, 1) as [writer]:
        for n in range(1, 15):
            await writer.append(str(n))
        assert await firsts(writer) == list(range(1, 15)), "they are young"
        await age(writer)
        await writer.append("15")
        await until(lambda: _are(writer, range(6, 16)))
        page = await LogReader(writer.database).page(ROOM, 3, 100)
        assert (page.gone, [at for at, _ in page.entries]) == (True, list(range(6, 16)))


async def test_one_young_record_keeps_all_behind_it(database: Database, small: None) -> None:
    """Clocks of writers differ: where only the old were deleted a reader would find a gap."""
    async with writers(database.url, database.name, 1) as [writer]:
        for n in range(1, 20):
            await writer.append(str(n))
        await age(writer, *range(1, 4), *range(5, 20))
        await writer.append("20")
        await until(lambda: _are(writer, range(4, 21)))


async def test_a_log_is_bounded_by_its_bytes_too(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BYTES_KEPT", 10)
    async with writers(database.url, database.name, 1) as [writer]:
        for n in range(1, 12):
            await writer.append(str(n))  # two bytes each
        await age(writer)
        reader = LogReader(writer.database)
        await LogBounds(writer.database, DatabaseClock(writer.database)).cut(ROOM, await reader.head(ROOM))
        assert await firsts(writer) == [6, 7, 8, 9, 10, 11]


async def test_a_log_is_deleted_and_no_other(database: Database) -> None:
    other = LogKey("room;", SessionId("room;"))
    async with writers(database.url, database.name, 1) as [writer]:
        await writer.append("1")
        await writer.append("2", log=other)
        await writer.append("3", log=LogKey("room:7", SessionId("room:7")))
        await LogBounds(writer.database, DatabaseClock(writer.database)).delete(ROOM)
        assert await firsts(writer) == []
        assert await firsts(writer, other) == [1]
