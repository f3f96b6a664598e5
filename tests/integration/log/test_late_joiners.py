"""Late joiners: the history and what follows the join, without a gap or a double, while many talk and logs are cut."""

import asyncio
import random
from dataclasses import dataclass, field

import pytest

from callplane.concurrency import pause_unless
from callplane.contracts.ids import ParticipantId
from callplane.store.log import bounds as bounds_module
from callplane.store.log.bounds import LogBounds
from callplane.store.log.history import History, Span
from callplane.store.log.reader import LogReader
from callplane.store.mongo.database import DatabaseClock
from testkit.inprocess.logs import ROOM, Writer, writers
from testkit.servers.servers import Database
from tests.integration.log.test_history import S, chat

SENDERS, MESSAGES, JOIN_EVERY = 10, 20, 20


@dataclass
class Talk:
    """Many who talk, on two writers, and whoever joins meanwhile, by a third."""

    writers: list[Writer]
    joining: asyncio.TaskGroup
    said: int = 0
    is_over: asyncio.Event = field(default_factory=asyncio.Event)
    places: dict[int, int] = field(default_factory=dict)
    """How far each joiner has come: what lies behind that of the last is cut."""

    @property
    def reader(self) -> LogReader:
        return LogReader(self.writers[2].database)

    @property
    def history(self) -> History:
        return History(self.writers[2].database)

    async def talk(self, sender: int) -> None:
        """One sender, one message after the other."""
        for n in range(MESSAGES):
            if self.said % JOIN_EVERY == 0:
                self.joining.create_task(self.join(self.said))
            self.said += 1
            await self.writers[sender % 2].appender.append(ROOM, [chat(f"{sender}.{n}")])

    async def join(self, number: int) -> None:
        """The place is taken first, and the history read some time later, while what follows is read."""
        self.places[number] = place = (await self.reader.head(ROOM)).position
        following = asyncio.create_task(self.follow(number, place))
        try:
            await asyncio.sleep(random.uniform(0, 0.5))
            up_to, all_of_it = await self.read(place + 1), await self.read(None)
            followed = await following
        finally:
            following.cancel()
        both = up_to + followed
        assert [position for position, _ in both] == list(range(1, SENDERS * MESSAGES + 1)), "no gap, no double"
        assert set(all_of_it) | set(followed) == set(both), "whoever reads all of it knows by its id what comes again"
        for sender in range(SENDERS):
            own = [about for _, about in both if about.startswith(f"{sender}.")]
            assert own == [f"{sender}.{n}" for n in range(MESSAGES)], "in the order of the sender"

    async def read(self, before: int | None) -> list[tuple[int, str]]:
        """All of the history, page by page from the newest on."""
        found: list[tuple[int, str]] = []
        while True:
            page = await self.history.page(S, Span(before=before, limit=37), ParticipantId("late"))
            found = [(one.position, one.kept.about) for one in page.messages] + found
            before = page.next
            if before is None:
                return found

    async def follow(self, number: int, place: int) -> list[tuple[int, str]]:
        """As a reader does from its place on, until everything was said."""
        found: list[tuple[int, str]] = []
        while place < SENDERS * MESSAGES:
            page = await self.reader.page(ROOM, place, 50)
            assert not page.gone
            found += [(position, entry.kept.about) for position, entry in page.entries if entry.kept]
            self.places[number] = place = page.entries[-1][0] if page.entries else place
            await pause_unless(self.is_over, 0.05)
        return found

    async def cut(self, patch: pytest.MonkeyPatch) -> None:
        """Again and again, what is old and lies behind everybody."""
        clock = DatabaseClock(self.writers[2].database)
        await clock.sync()
        while not self.is_over.is_set():
            head = await self.reader.head(ROOM)
            patch.setattr(bounds_module, "ENTRIES_KEPT", head.position - min(self.places.values(), default=0))
            await LogBounds(self.writers[2].database, clock).cut(ROOM, head)
            await pause_unless(self.is_over, 0.05)


async def test_history_and_what_follows(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    random.seed(1)
    monkeypatch.setattr(bounds_module, "KEPT_SECONDS", 1.0)
    async with writers(database.url, database.name, 3) as made:
        async with asyncio.TaskGroup() as joining:
            talk = Talk(made, joining)
            joining.create_task(talk.cut(monkeypatch))
            async with asyncio.TaskGroup() as talking:
                for sender in range(SENDERS):
                    talking.create_task(talk.talk(sender))
            talk.is_over.set()
        monkeypatch.setattr(bounds_module, "KEPT_SECONDS", -1.0)
        monkeypatch.setattr(bounds_module, "ENTRIES_KEPT", 0)
        head = await talk.reader.head(ROOM)
        await LogBounds(made[2].database, DatabaseClock(made[2].database)).cut(ROOM, head)
        assert await made[2].database["log"].count_documents({}) == 0
        assert len(await talk.read(None)) == SENDERS * MESSAGES
