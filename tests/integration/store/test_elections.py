"""A replica set of three loses its primary: writes go on, nothing acknowledged is lost, change streams skip nothing."""

import asyncio
from dataclasses import dataclass, field
from functools import partial

import pytest

from callplane.contracts.commands import CreateSession
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import SessionId, new_id
from callplane.store.change_stream import Watch, watch
from cli.machine.replica_set import ReplicaSet
from testkit.inprocess.logs import Writer, walked, writers
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.clusters import SetDatabase
from testkit.servers.until import until

pytestmark = pytest.mark.clusters

WRITERS = 4
ALONE = 1.0
"""Shorter than the election: the primary still believes that the others are there."""

SLOWEST = 8.0
"""An operation ends within ``timeoutMS`` (5 s), whatever its server does; the rest is for a machine that is busy."""


@dataclass
class Diary:
    """What was acknowledged, and what the change stream has shown."""

    store: Repositories
    acknowledged: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self) -> None:
        """Make one session after the other; each is tried again under its id until it is acknowledged."""
        while not self.over.is_set():
            await self._create(SessionId(new_id()))
            await asyncio.sleep(0.01)

    async def _create(self, id_: SessionId) -> None:
        while True:
            try:
                async with asyncio.timeout(SLOWEST):
                    await self.store.sessions.create(id_, CreateSession(), self.store.soon())
            except Unavailable:
                await asyncio.sleep(0.1)
            else:
                self.acknowledged.append(id_)
                return

    async def read(self, stream: Watch) -> None:
        """Follow the stream; a pause of the servers is Unavailable, and StreamLost would end this test."""
        while True:
            try:
                async with asyncio.timeout(SLOWEST):
                    fact = await stream.next()
            except Unavailable:
                await asyncio.sleep(0.1)
                continue
            if fact is not None and fact.what == "opened":
                self.seen.append(fact.id)

    async def goes_on(self) -> None:
        """Wait until more is acknowledged than was."""
        so_far = len(self.acknowledged)

        async def more() -> bool:
            return len(self.acknowledged) > so_far + WRITERS

        await until(more, 20)


async def stepped_down(members: ReplicaSet) -> None:
    """The primary gives its place up."""
    await members.step_down()


async def stopped(members: ReplicaSet) -> None:
    """It ends in peace."""
    primary = await members.primary()
    await primary.stop()
    await members.primary(other_than=primary)


async def killed(members: ReplicaSet) -> None:
    """It ends by a power cut, with what it took in while the others did not hear it: that may not be acknowledged."""
    primary = await members.primary()
    others = [member for member in members.members if member is not primary]
    for member in others:
        member.pause()
    try:
        await asyncio.sleep(ALONE)
        await primary.kill()
    finally:
        for member in others:
            member.resume()
    await members.primary(other_than=primary)


async def paused(members: ReplicaSet) -> None:
    """It stands still until another one is primary, and wakes up as one who believes that it is."""
    primary = await members.primary()
    primary.pause()
    try:
        await members.primary(other_than=primary)
    finally:
        primary.resume()


@pytest.mark.timeout(150)
async def test_nothing_acknowledged_is_lost_and_the_change_stream_has_no_gap(set_database: SetDatabase) -> None:
    members = set_database.replica_set
    async with (
        repositories(set_database) as store,
        watch(store.database, wait_ms=200) as stream,
        writers(set_database.url, set_database.name, 3) as appenders,
    ):
        diary = Diary(store)
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(diary.read(stream))
            for _ in range(WRITERS):
                group.create_task(diary.write())
            for number, appender in enumerate(appenders):
                group.create_task(_append(appender, str(number), diary.over))
            for fault in (stepped_down, killed, paused, stopped):
                await diary.goes_on()
                await fault(members)
                await diary.goes_on()  # with two members of three
                await members.start()
                await members.whole()
            diary.over.set()
            await until(partial(_has_all, diary), 20)
            reading.cancel()
        assert len(diary.seen) == len(set(diary.seen)), "the stream has shown something twice"
        there = set(await store.sessions.open_ids())
        log = await walked(store.database)
    assert set(diary.acknowledged) <= there
    told = {entry: at for appender in appenders for entry, at in appender.acknowledged.items()}
    assert len(told) > 20
    assert {entry: at for at, entry in enumerate(log, 1)} == told, "each entry once, and where its writer was told"


async def _append(writer: Writer, name: str, over: asyncio.Event) -> None:
    """One entry after the other into the log that all write to, each until its place is known."""
    number = 0
    while not over.is_set():
        await writer.append(f"{name}/{number}")
        number += 1
        await asyncio.sleep(0.01)


async def _has_all(diary: Diary) -> bool:
    return set(diary.acknowledged) <= set(diary.seen)
