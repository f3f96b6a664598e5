"""Keys of signals in the log: what is sent twice under one is there once, whoever appends it and dies (decision 20)."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from callplane.concurrency import alongside
from callplane.contracts.errors import Refusal, Unavailable
from callplane.contracts.ids import new_id
from callplane.store.indexes import ensure_indexes
from callplane.store.log import appender as module
from callplane.store.log import bounds
from callplane.store.log.appender import Appender
from callplane.store.log.records import ENTRIES_AT_MOST, Entry, Keyed, entry_id, record_id
from callplane.store.mongo.database import DatabaseClock
from callplane.store.mongo.driver import Collection, Outcome
from testkit.inprocess.logs import ROOM, Writer, walked, writers
from testkit.servers.servers import Database
from testkit.servers.until import until

ONE, OTHER = b"one request", b"another"


def signal(id_: str, body_hash: bytes = ONE, to: Sequence[str | None] = (None,)) -> list[Entry]:
    """The entries of one signal under a key."""
    keyed = Keyed(id_, body_hash)
    first, *others = [Entry(entry_id(id_, one), "signal", b"{}", to=one, keyed=keyed) for one in to]
    return [replace(first, keyed=replace(keyed, enters=True)), *others]


@asynccontextmanager
async def pods(database: Database, count: int) -> AsyncIterator[list[Writer]]:
    """Appenders of so many processes, on a database with its indexes."""
    async with writers(database.url, database.name, count) as made:
        await ensure_indexes(made[0].database)
        yield made


async def sent(writer: Writer, entries: Sequence[Entry]) -> list[int | None]:
    """Their positions, asked for until they are known."""
    while True:
        with suppress(Unavailable):
            return await writer.appender.append(ROOM, entries)


async def dies(writer: Writer, entries: Sequence[Entry], after: float) -> None:
    """A process with an appender of its own sends them, and is gone some moment later; what it asked for happens."""
    appender = Appender(writer.database, DatabaseClock(writer.database))
    with suppress(TimeoutError):
        async with asyncio.timeout(after), alongside(appender.run()):
            await appender.append(ROOM, entries)


async def test_one_key_at_two_pods_at_once_is_one_signal_though_one_of_them_dies(database: Database) -> None:
    """Beside what others say, which is in the same records, and of which nothing is lost either."""
    async with pods(database, 3) as [one, other, third]:
        for n in range(200):
            entries = signal(new_id())
            if n % 3 == 0:
                begun = asyncio.create_task(dies(one, entries, random.uniform(0.0, 0.01)))
                await asyncio.sleep(random.uniform(0.0, 0.006))
                [[at], *_] = await asyncio.gather(sent(other, entries), third.append(f"beside {n}"))
                await begun
            else:
                [[at], [again], _] = await asyncio.gather(
                    sent(one, entries), sent(other, entries), other.append(f"beside {n}")
                )
                assert at == again
            assert await sent(third, entries) == [at]
            assert at is not None
        ids = await walked(one.database)
        assert len(ids) == len(set(ids)) == 400


async def test_two_requests_under_one_key_are_never_both_sent(database: Database) -> None:
    """Nor where they differ in whom they are for, so that no entry of theirs has one id; nor at one pod."""
    async with pods(database, 2) as [one, other]:
        for n in range(60):
            first, second = signal(id_ := new_id(), ONE), signal(id_, OTHER, ["b"] if n % 2 else [None])
            at = [one, one if n % 3 == 0 else other]
            answers = await asyncio.gather(sent(at[0], first), sent(at[1], second), return_exceptions=True)
            assert sorted(isinstance(answer, Refusal) for answer in answers) == [False, True], answers
        assert len(await walked(one.database)) == 60


async def test_who_shares_a_record_with_a_repeat_is_sent_with_the_next(database: Database) -> None:
    async with pods(database, 2) as [one, other]:
        assert await sent(one, signal("k")) == [1]
        answers = await asyncio.gather(
            other.append("before"),
            sent(other, signal("k")),
            other.append("behind"),
        )
        assert answers == [[2], [1], [3]]
        assert await walked(one.database) == ["k", "before", "behind"]


async def test_of_a_signal_to_many_whose_pod_died_the_rest_is_sent_by_the_repeat(database: Database) -> None:
    many = [f"seat {n}" for n in range(ENTRIES_AT_MOST + 6)]
    async with pods(database, 2) as [one, other]:
        entries = signal("k", to=many)
        assert await sent(one, entries[:ENTRIES_AT_MOST]) == list(range(1, ENTRIES_AT_MOST + 1))
        await other.append("between")
        assert await sent(other, signal("k", to=many)) == [
            *range(1, ENTRIES_AT_MOST + 1),
            *range(ENTRIES_AT_MOST + 2, ENTRIES_AT_MOST + 8),
        ]
        assert await sent(one, signal("k", to=many)) == await sent(other, signal("k", to=many))
        with pytest.raises(Refusal, match="Idempotency-Key"):
            await sent(one, signal("k", OTHER, to=["seat 3"]))
        assert len(await walked(one.database)) == len(many) + 1


async def test_a_repeat_whose_record_was_cut_away_is_known_by_its_copy(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "ENTRIES_KEPT", 10)
    monkeypatch.setattr(module, "CUT_EVERY", 5)
    async with pods(database, 2) as [one, other]:
        await sent(one, signal("k"))
        for n in range(2, 15):
            await one.append(str(n))
        rubbish_at = [2, 3, 4]
        old = DatabaseClock(one.database).now() - timedelta(seconds=bounds.KEPT_SECONDS + 1)
        await one.database["log"].update_many({}, {"$set": {"at": old}})
        for rubbish in ({"u": 7}, {"u": ["what"], "e": 7}, {"u": [8], "at": 8}):  # of somebody else's making
            await one.database["log"].update_one({"_id": record_id("room", rubbish_at.pop())}, {"$set": rubbish})
        await one.append("15")

        async def is_cut() -> bool:
            return await one.database["log"].find_one({"_id": record_id("room", 1)}) is None

        await until(is_cut)
        assert await sent(other, signal("k")) == [None]
        with pytest.raises(Refusal, match="Idempotency-Key"):
            await sent(other, signal("k", OTHER))
        assert await sent(other, signal("new")) == [16]


async def test_a_lost_answer_sends_nothing_twice_under_a_key_either(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    async with pods(database, 3) as made:
        for n in range(40):
            entries = signal(str(n))
            places = await asyncio.gather(*(sent(writer, entries) for writer in made))
            assert len({at for [at] in places}) == 1
        assert await walked(made[0].database) == [str(n) for n in range(40)]


async def test_a_key_that_a_paused_pod_left_in_an_emptied_place_does_not_swallow_the_repeat(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody reads what is there, and nobody was told of it: the repeat is sent, where readers come by."""
    monkeypatch.setattr(bounds, "ENTRIES_KEPT", 5)
    async with pods(database, 1) as [one]:
        for n in range(1, 12):
            await one.append(str(n))
        await one.database["log"].delete_many({"_id": {"$lt": record_id("room", 6)}})
        left = {"_id": record_id("room", 2), "s": "room", "n": 1, "v": 1, "z": 2, "u": ["k"]}
        entry = {"i": "k", "y": "signal", "b": b"{}", "h": ONE}
        await one.database["log"].insert_each([{**left, "e": [entry]}])
        assert await sent(one, signal("k")) == [12]


async def test_the_index_of_keys_answers_what_asks_for_them(database: Database) -> None:
    """And has nothing of records without."""
    async with pods(database, 1) as [one]:
        for n in range(30):
            await one.append(str(n))
        await sent(one, signal("k"))
        with suppress(Refusal):
            await sent(one, signal("k", OTHER))
        async with database.client() as client:
            log = client[database.name]["log"]
            plan = await log.find({"s": "room", "u": {"$in": ["k"]}}).explain()
        used = plan["executionStats"]
        assert (used["totalDocsExamined"], used["totalKeysExamined"] <= 3) == (1, True), plan
