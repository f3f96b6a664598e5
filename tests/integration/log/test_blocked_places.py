"""What is no record, in the very place where a log's next one must go: told, and passed over by whoever appends."""

from typing import Any

import pytest

from callplane.contracts.ids import SessionId
from callplane.store.log.reader import HEADS_AT_ONCE, Head, LogReader
from callplane.store.log.records import Entry, LogKey, record_id
from testkit.inprocess.logs import ROOM, writers
from testkit.servers.servers import Database

COUNTS = {"n": 1, "v": 1, "z": 2}
RUBBISH: list[dict[str, Any]] = [
    {"s": "room"},
    {},
    {"s": "another", **COUNTS},
    {"s": "room", **COUNTS, "n": [1]},
    {"s": "room", **COUNTS, "n": 1.5},
    {"s": "room", **COUNTS, "n": "many"},
    {"s": "room", **COUNTS, "v": None},
]


@pytest.mark.parametrize("begun", [True, False])
async def test_rubbish_in_the_next_place_of_a_log_is_told_and_passed_over(database: Database, begun: bool) -> None:
    """Nobody can insert there, and no head shows it: else the log could never be appended to again."""
    async with writers(database.url, database.name, 2) as [one, other]:
        told: list[str] = []
        one.database.unread.on_unreadable = told.append
        start = 1
        if begun:
            assert await one.append("a", "b") == [1, 2]
            assert await other.append("of another") == [3]
            start = 4
        rubbish = [{"_id": record_id("room", at), **what} for at, what in enumerate(RUBBISH, start)]
        assert await one.database["log"].insert_each(rubbish) == ["inserted"] * len(RUBBISH)
        behind = start + len(RUBBISH)
        assert await one.append("c") == [behind]
        assert set(told) == {"log"}
        assert len(told) >= len(RUBBISH)
        assert await other.append("d") == [behind + 1], "also by who knows nothing of it"
        assert (await LogReader(one.database).head(ROOM)).position == behind + 1
        page = await LogReader(one.database).page(ROOM, start - 1, 10)
        assert ([entry.id for _, entry in page.entries], page.gone) == (["c", "d"], True), "readers hear that"


async def test_the_ends_of_many_logs_are_those_of_each(database: Database) -> None:
    """Empty ones, those with rubbish at their end, and one whose key begins as another's does, with one command."""
    logs = [LogKey(f"seat{'x' * number}", SessionId("room")) for number in range(HEADS_AT_ONCE)]
    async with writers(database.url, database.name, 1) as [writer]:
        for number, log in enumerate(logs[::3]):
            await writer.append(*(f"{number} {one}" for one in range(number + 1)), log=log)
        rubbish = [{"_id": record_id(log.key, 90), **what} for log, what in zip(logs, RUBBISH, strict=False)]
        rubbish.append({"_id": record_id(logs[9].key, 90), "s": "room", "n": -1, "v": 1, "z": 2})
        await writer.database["log"].insert_each(rubbish)
        reader = LogReader(writer.database)
        ends = await reader.heads(logs)
        assert ends == {log: await reader.head(log) for log in logs}
        assert [ends[log].position for log in logs[:7]] == [1, 0, 0, 2, 0, 0, 3]
        assert await reader.heads([]) == {}


async def test_versions_go_on_behind_rubbish(database: Database) -> None:
    """L4: what takes up a place says no version, and the one before it is the log's."""
    async with writers(database.url, database.name, 1) as [writer]:
        second, third = (Entry(f"event {v}", "session-updated", b"{}", version=v) for v in (2, 3))
        assert await writer.appender.append(ROOM, [second]) == [1]
        await writer.database["log"].insert_each([{"_id": record_id("room", 2)}])
        assert await writer.appender.append(ROOM, [second, third]) == [None, 3]
        assert await LogReader(writer.database).head(ROOM) == Head(3, 3, 4)
