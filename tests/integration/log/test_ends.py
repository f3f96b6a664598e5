"""Ends of logs: read once for all who ask at once, and what was read is where this process appends next."""

import asyncio

import pytest

from callplane.store.log import appender as module
from callplane.store.log.reader import Head, LogReader
from callplane.store.log.records import LogKey
from testkit.inprocess.logs import ROOM, writers
from testkit.servers.servers import Database


async def test_an_end_that_was_read_here_is_not_read_again_and_is_believed_no_longer(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with writers(database.url, database.name, 2) as [one, other]:
        reader, reads = LogReader(one.database), list[LogKey]()
        reader.on_head = one.appender.learnt
        read = one.appender._reader.head

        async def noting(log: LogKey) -> Head:
            reads.append(log)
            return await read(log)

        monkeypatch.setattr(one.appender._reader, "head", noting)
        assert (await reader.head(ROOM)).position == 0
        assert await one.append("first") == [1]
        assert await other.append("of another") == [2]
        assert (await reader.head(ROOM)).position == 2
        assert await one.append("second") == [3]
        assert await other.append("of another again") == [4]
        assert await one.append("behind what was not read") == [5]
        assert reads == []
        assert (await reader.head(ROOM)).position == 5
        one.clock.ahead = module.BELIEVED + 1
        assert await one.append("later") == [6]
        assert reads == [ROOM], "it was read too long ago"
        one.appender.learnt(ROOM, Head(2, 1, 4), one.clock())
        assert await one.append("last") == [7], "what is known to be newer stays"


async def test_a_crowd_that_asks_for_one_end_shares_reads_that_begin_later(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with writers(database.url, database.name, 1) as [one]:
        reader, reads = LogReader(one.database), list[int]()
        last = reader._last

        async def noting(log: LogKey) -> Head:
            found = await last(log)
            reads.append(found.position)
            if len(reads) == 1:
                await one.append("while it is read")
                crowd.extend(asyncio.ensure_future(reader.head(ROOM)) for _ in range(20))
                await asyncio.sleep(0)
            return found

        crowd: list[asyncio.Future[Head]] = []
        monkeypatch.setattr(reader, "_last", noting)
        assert (await reader.head(ROOM)).position == 0
        assert {found.position for found in await asyncio.gather(*crowd)} == {1}
        assert reads == [0, 1]
