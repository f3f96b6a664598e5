"""Pods that read logs and are drained, killed, late and told of nothing while others go on, for life after life."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from api.log.catch_up import FeedTiming
from api.log.feeds import Feeds
from api.mailboxes.unacked import Batch
from api.readers.log_readers import LogReaders, LogReaderServices, open_log_readers
from api.readers.ports import Question
from callplane.bus.hint_ports import HintSender, OnHint
from callplane.bus.memory.hints import MemoryHintLink, MemoryHints
from callplane.concurrency import alongside
from callplane.messengers import LogMessenger, open_log_messenger
from callplane.store.incarnations import Incarnations
from callplane.store.log.reader import LogReader
from callplane.store.log_attachments import LogAttachments
from callplane.store.mongo.database import Database, DatabaseClock, open_database
from cli.machine.mongod import Mongod
from testkit.inprocess.mailboxes import FAST
from testkit.servers.servers import fresh_database
from testkit.servers.until import until

QUICK = FeedTiming(gap=0.02, look=0.05, rounds=2, idle=0.2, silent=0.0)


@dataclass
class SlotHints:
    """The HintBus of one slot, whose hints may be lost."""

    hints: MemoryHints
    lost: float = 0.0
    """The share of them that is."""
    chance: random.Random = field(default_factory=random.Random)
    link: MemoryHintLink | None = None

    @asynccontextmanager
    async def connect(self, on_hint: OnHint) -> AsyncIterator[MemoryHintLink]:
        """A new link."""

        def some(hint: bytes) -> None:
            if self.chance.random() >= self.lost:
                on_hint(hint)

        async with self.hints.connect(some) as self.link:
            yield self.link

    def sender(self) -> AbstractAsyncContextManager[HintSender]:
        """Nobody sends here."""
        return self.hints.sender()


@dataclass
class LogPodSlot:
    """Where one pod stands after the other."""

    database: Database
    hints: SlotHints
    tasks: asyncio.TaskGroup
    polls: set[asyncio.Task[Batch]] = field(default_factory=set)
    """Under way at whoever stands there now."""
    hits: int = 0
    """How often a poll that is there may have been ended by us."""
    _readers: LogReaders | None = None
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def readers(self) -> LogReaders:
        """Who stands there now."""
        assert self._readers is not None
        return self._readers

    async def begin(self) -> None:
        """Put a new one there."""
        ready, self._over = asyncio.Event(), asyncio.Event()
        self.polls = set()
        self.tasks.create_task(self._stand(ready, self._over))
        await ready.wait()

    async def _stand(self, ready: asyncio.Event, over: asyncio.Event) -> None:
        feeds = Feeds(self.hints, LogReader(self.database), QUICK)
        incarnations = Incarnations(self.database, FAST.lease)
        attachments = LogAttachments(self.database)
        services = LogReaderServices(feeds, attachments, incarnations, lambda: datetime.now(UTC), FAST)
        async with alongside(feeds.run()), open_log_readers(services) as self._readers:
            ready.set()
            await over.wait()

    async def replace(self) -> None:
        """Put a new one there, then drain the one that it replaces, as a rolling update does."""
        self.hits += 1
        former, over = self.readers, self._over
        await self.begin()
        await former.drain()
        over.set()

    async def kill(self) -> None:
        """It is gone, and its connections; its name stands in seats until a sweep takes it out."""
        self.hits += 1
        self.readers.stopping.set()  # it takes nothing with it
        for poll in self.polls:
            poll.cancel()
        self._over.set()
        await self.begin()

    async def end(self, how: str) -> None:
        """Drain or kill it, or end its link for hints."""
        if how == "drained":
            await self.replace()
        elif how == "killed":
            await self.kill()
        elif self.hints.link is not None:
            self.hints.link.ended.set()

    def vacate(self) -> None:
        """The last one goes."""
        self._over.set()

    async def poll(self, question: Question) -> Batch:
        """One poll. CancelledError: its pod is gone."""
        poll = asyncio.ensure_future(self.readers.poll(question))
        polls = self.polls
        polls.add(poll)
        try:
            return await poll
        finally:
            poll.cancel()
            polls.discard(poll)

    async def lapse(self) -> None:
        """Its lease is over, by the database: it learns that with its next renewal."""
        self.hits += 1
        past = {"$set": {"since": {"$subtract": ["$since", 60_000]}}}
        await self.database["incarnations"].update_one({"_id": self.readers.incarnation.name}, [past])


@dataclass
class LogPodSlots:
    """The slots, and what all lives share."""

    database: Database
    messenger: LogMessenger
    slots: list[LogPodSlot]
    tasks: asyncio.TaskGroup

    async def sweep(self) -> None:
        """Take out the tags of the dead, as the wrappers' sweep does."""
        attachments, incarnations = LogAttachments(self.database), Incarnations(self.database, FAST.lease)
        standing = await attachments.incarnations()
        await attachments.remove_dead(standing - await incarnations.living(standing))

    async def until_up(self) -> None:
        """Wait until every pod may be read at."""

        async def are_up() -> bool:
            return all(slot.readers.incarnation.lives for slot in self.slots)

        await until(are_up)


@asynccontextmanager
async def fresh_log_pod_slots(count: int, mongod: Mongod) -> AsyncIterator[LogPodSlots]:
    """So many pods, on a database of their own."""
    async with (
        fresh_database(mongod) as corner,
        open_database(corner.url, corner.name) as database,
        asyncio.TaskGroup() as tasks,
    ):
        hints = MemoryHints()
        async with open_log_messenger(database, DatabaseClock(database), hints) as messenger:
            slots = [LogPodSlot(database, SlotHints(hints), tasks) for _ in range(count)]
            await asyncio.gather(*[slot.begin() for slot in slots])
            try:
                yield LogPodSlots(database, messenger, slots, tasks)
            finally:
                for slot in slots:
                    slot.vacate()
