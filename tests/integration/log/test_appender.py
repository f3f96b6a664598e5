"""Appends to one log by several processes' appenders, on a real mongod: no gap, no double, every answer true."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.ids import SessionId, new_id
from callplane.store.log import appender as module
from callplane.store.log.reader import Head, LogReader
from callplane.store.log.records import Entry, LogKey, record_id
from callplane.store.mongo.database import open_database
from callplane.store.mongo.driver import Collection, Outcome
from testkit.inprocess.logs import ROOM, Writer, walked, writers
from testkit.servers.servers import Database


async def test_everybody_appends_to_everything_and_each_is_where_its_writer_was_told(database: Database) -> None:
    logs = [LogKey(f"room {n}", SessionId(f"room {n}")) for n in range(5)]
    async with writers(database.url, database.name, 4) as made, open_database(database.url, database.name) as opened:

        async def write(writer: Writer) -> None:
            for _ in range(40):
                log = random.choice(logs)
                positions = await writer.append(
                    *(f"{log.key}/{new_id()}" for _ in range(random.randint(1, 5))), log=log
                )
                assert positions == sorted(positions, key=lambda at: at or 0), "in the order of the call"

        async with asyncio.TaskGroup() as group:
            for writer in made * 3:
                group.create_task(write(writer))
        told = {one: at for writer in made for one, at in writer.acknowledged.items()}
        found = {one: at for log in logs for at, one in enumerate(await walked(opened, log), 1)}
        assert found == told
        assert await opened["log"].count_documents({}) < len(told), "what waits together is written together"


async def test_an_answer_that_is_lost_appends_nothing_twice(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does one that is sent again while others append: the driver's own retry does not hide these losses."""
    insert = Collection.insert_each

    async def lossy(collection: Collection, documents: list[Any]) -> list[Outcome]:
        if (chance := random.random()) < 0.2:
            raise Unavailable("it was not sent")
        outcomes = await insert(collection, documents)
        if chance < 0.5:
            raise Unavailable("it was, and the answer was lost")
        return outcomes

    monkeypatch.setattr(Collection, "insert_each", lossy)
    monkeypatch.setattr(module, "UNKNOWN_PAUSE", 0.001)
    async with writers(database.url, database.name, 3) as made:

        async def write(writer: Writer, name: str) -> None:
            for n in range(40):
                await writer.append(f"{name} {n}", f"{name} {n}, the second")

        await asyncio.gather(*(write(writer, str(n)) for n, writer in enumerate(made)))
        ids = await walked(made[0].database)
        assert sorted(ids) == sorted(set(ids)), "each once"
        told = {one: at for writer in made for one, at in writer.acknowledged.items()}
        assert {one: at for at, one in enumerate(ids, 1)} == told


@pytest.mark.parametrize("oldest", [6, 3])
async def test_one_that_was_paused_writes_nothing_where_older_records_were_cut_away(
    database: Database, monkeypatch: pytest.MonkeyPatch, oldest: int
) -> None:
    """Else it would be acknowledged and never read: the unique id refuses nothing in a place that was emptied.

    Not even in the last of those, which what is kept goes on from.
    """
    async with writers(database.url, database.name, 2) as [paused, other]:
        await paused.append("first")
        for n in range(10):
            await other.append(f"later {n}")
        await other.database["log"].delete_many({"_id": {"$lt": record_id("room", oldest)}})
        insert = Collection.insert_each

        async def slowly(collection: Collection, documents: list[Any]) -> list[Outcome]:
            outcomes = await insert(collection, documents)
            paused.clock.ahead += module.BELIEVED + 1  # it stood still between its insert and the answer
            return outcomes

        monkeypatch.setattr(Collection, "insert_each", slowly)
        [position] = await paused.append("of the paused one")
        assert position == 12
        chain = await LogReader(other.database).chain(ROOM, oldest)
        assert [entry.id for record in chain for entry in record.entries][-1] == "of the paused one"
        assert await other.database["log"].count_documents({"_id": {"$lt": record_id("room", oldest)}}) == 0


async def _left_behind(paused: Writer, other: Writer) -> None:
    """One wrote first, the other ten more, and the first five positions are cut away: its head is of long ago."""
    await paused.append("first")
    for n in range(10):
        await other.append(f"later {n}")
    await other.database["log"].delete_many({"_id": {"$lt": record_id("room", 6)}})


def _pause_at_insert(monkeypatch: pytest.MonkeyPatch, paused: Writer, *, lost: bool) -> None:
    """It stands still for long around its next insert, whose answer may be lost as well."""
    insert, inserts = Collection.insert_each, list[int]()

    async def slowly(collection: Collection, documents: list[Any]) -> list[Outcome]:
        outcomes = await insert(collection, documents)
        inserts.append(len(documents))
        if len(inserts) == 1:
            paused.clock.ahead += module.BELIEVED + 1
            if lost:
                raise Unavailable("the answer was lost")
        return outcomes

    monkeypatch.setattr(Collection, "insert_each", slowly)
    monkeypatch.setattr(module, "UNKNOWN_PAUSE", 0.001)


@pytest.mark.parametrize("cut", [True, False])
async def test_a_refusal_by_ones_own_record_at_an_old_head_is_believed_where_readers_come_by(
    database: Database, monkeypatch: pytest.MonkeyPatch, cut: bool
) -> None:
    """What it was refused by is its own, of which no answer came: told where it stands, or taken back."""
    async with writers(database.url, database.name, 2) as [paused, other]:
        if cut:
            await _left_behind(paused, other)
        else:
            await paused.append("first")
        _pause_at_insert(monkeypatch, paused, lost=True)
        assert await paused.append("of the paused one") == [12 if cut else 2]
        assert await other.database["log"].count_documents({"e.i": "of the paused one"}) == 1
        assert (await other.append("the next")) == [13 if cut else 3]


async def test_nobody_goes_on_behind_what_another_paused_one_left_in_an_emptied_place(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two were paused, and the second is refused by the first: the chain there is none that readers come by."""
    async with writers(database.url, database.name, 2) as [paused, other]:
        await _left_behind(paused, other)
        left = {"s": "room", "n": 1, "v": 1, "z": 2, "e": [{"i": "of another", "y": "signal", "b": b"{}"}]}
        await other.database["log"].insert_each([{"_id": record_id("room", 2), **left}])
        _pause_at_insert(monkeypatch, paused, lost=False)
        assert await paused.append("of the paused one") == [12]
        page = await LogReader(other.database).page(ROOM, 11, 10)
        assert [entry.id for _, entry in page.entries] == ["of the paused one"]


async def test_a_head_that_was_learnt_long_ago_is_read_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with writers(database.url, database.name, 2) as [old, other]:
        await old.append("first")
        for n in range(3):
            await other.append(f"later {n}")
        await other.database["log"].delete_many({"_id": {"$lt": record_id("room", 4)}})
        old.clock.ahead = module.BELIEVED + 1
        insert, asked = Collection.insert_each, list[Any]()

        async def noting(collection: Collection, documents: list[Any]) -> list[Outcome]:
            asked.extend(one["_id"] for one in documents)
            return await insert(collection, documents)

        monkeypatch.setattr(Collection, "insert_each", noting)
        assert await old.append("second") == [5]
        assert asked == [record_id("room", 5)], "nothing was written where older records had been"
        assert await LogReader(other.database).head(ROOM) == Head(5, 1, 10)


async def test_every_version_is_there_once_and_in_order_whoever_carries_it(database: Database) -> None:
    """Carriers, sweeps and late writes all append what is owed, from where they believe that it begins."""
    last = 40
    events = {v: Entry(f"event {v}", "session-updated", b"{}", version=v) for v in range(2, last + 1)}
    async with writers(database.url, database.name, 3) as made, open_database(database.url, database.name) as opened:

        async def carry(writer: Writer) -> None:
            owed = 2
            while owed <= last:
                upto = min(last, owed + random.randint(0, 4))
                late = max(2, owed - random.randint(0, 5))
                await writer.appender.append(ROOM, [events[v] for v in range(late, upto + 1)])
                await writer.append(f"signal {new_id()}")
                owed = upto + 1

        await asyncio.gather(*(carry(writer) for writer in made * 2))
        ids = await walked(opened)
        assert [one for one in ids if one.startswith("event")] == [events[v].id for v in range(2, last + 1)]
        assert (await LogReader(opened).head(ROOM)).version == last


async def test_an_event_whose_predecessors_are_nowhere_is_given_back(database: Database) -> None:
    async with writers(database.url, database.name, 1) as [writer]:
        with pytest.raises(Trouble):
            await writer.appender.append(ROOM, [Entry("four", "session-updated", b"{}", version=4)])
        both = [Entry(str(v), "session-updated", b"{}", version=v) for v in (3, 2)]
        assert await writer.appender.append(ROOM, both) == [2, 1]
        assert await writer.appender.append(ROOM, both) == [None, None]


async def test_the_same_id_twice_is_one_entry(database: Database) -> None:
    async with writers(database.url, database.name, 1) as [writer]:
        answers = await asyncio.gather(*(writer.append("same") for _ in range(5)))
        assert answers == [[1]] * 5
        assert await walked(writer.database) == ["same"]


async def test_too_much_for_one_log_is_refused_and_the_others_go_on(database: Database) -> None:
    async with writers(database.url, database.name, 1) as [writer]:
        many = [Entry(str(n), "signal", b"x" * 2000) for n in range(1001)]
        with pytest.raises(Unavailable):
            await writer.appender.append(ROOM, many)
        assert len(await writer.appender.append(ROOM, many[:1000])) == 1000
        assert await writer.append("elsewhere", log=LogKey("other", SessionId("other"))) == [1]
        assert await walked(writer.database) == [str(n) for n in range(1000)]
        sizes = [len(one["e"]) async for one in writer.database["log"].find({})]
        assert max(sizes) <= 64


async def test_pages_begin_in_the_middle_of_a_record_and_say_what_is_gone(database: Database) -> None:
    async with writers(database.url, database.name, 1) as [writer]:
        await writer.append(*"abcde")
        await writer.append(*"fgh")
        reader = LogReader(writer.database)
        page = await reader.page(ROOM, 2, 4)
        assert ([(at, entry.id) for at, entry in page.entries], page.gone) == (
            [(3, "c"), (4, "d"), (5, "e"), (6, "f")],
            False,
        )
        assert await reader.page(ROOM, 8, 4) == await reader.page(ROOM, 100, 4)
        assert (await reader.page(ROOM, 8, 4)).entries == ()
        await writer.database["log"].delete_one({"_id": record_id("room", 1)})
        page = await reader.page(ROOM, 2, 10)
        assert ([at for at, _ in page.entries], page.gone) == ([6, 7, 8], True)
        page = await reader.page(ROOM, 5, 10)
        assert ([at for at, _ in page.entries], page.gone) == ([6, 7, 8], False)


async def test_what_a_hint_tells_of_others_appends_spares_a_refusal_and_is_believed_no_longer_than_what_is_read(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert, asked = Collection.insert_each, list[Any]()

    async def noting(collection: Collection, documents: list[Any]) -> list[Outcome]:
        asked.extend(one["_id"] for one in documents)
        return await insert(collection, documents)

    async with writers(database.url, database.name, 2) as [one, other]:
        await one.append("first")
        assert await other.append("of another") == [2]
        monkeypatch.setattr(Collection, "insert_each", noting)
        one.appender.heard(ROOM, Head(2, 1, 4), datetime.now(UTC))
        assert await one.append("second") == [3]
        assert asked == [record_id("room", 3)]
        await other.append("of another again")
        asked.clear()
        long_ago = datetime.now(UTC) - timedelta(seconds=module.BELIEVED + 1)
        one.appender.heard(ROOM, Head(9, 1, 20), long_ago)
        assert await one.append("third") == [5]
        assert asked == [record_id("room", 5)], "the end is read, not believed"
