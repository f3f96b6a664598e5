"""Outboxes of log sessions: versions once each and in order (L4), nothing pulled that is in no log (L5)."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, cast

import pytest

from callplane.bus.hint_ports import HintBus
from callplane.contracts.commands import CreateSession
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import SessionId, new_id
from callplane.messengers import EngineMessenger, open_log_messenger
from callplane.store.engines import SessionEngines
from callplane.store.log import appender as module
from callplane.store.log.reader import LogReader
from callplane.store.log.records import LogKey
from callplane.store.mongo.driver import Collection, Outcome
from callplane.store.new_session import Origin
from callplane.store.sessions import Sessions
from testkit.inprocess.crowded_database import session
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database
from wrapper.effects.outbox import Outbox
from wrapper.engine_choice import EngineChoice

CHANGES = 40


class NoHints:
    """Nobody reads."""

    @asynccontextmanager
    async def sender(self) -> AsyncIterator["NoHints"]:
        """Sends nothing."""
        yield self

    def send(self, *_: Any) -> None:
        """Nothing."""


class Carrier:
    """One wrapper's outbox: it looks at the session as a sweep does, and at what it is about to pull."""

    def __init__(self, store: Repositories, messenger: EngineMessenger) -> None:
        self.sessions = store.sessions
        self._log = LogReader(store.database)
        self._outbox = Outbox(cast(Sessions, self), store.connections, messenger, cast(Any, None))

    async def carry(self, where: SessionId) -> None:
        """Once, however it ends."""
        await self._outbox.carry_session(await self.sessions.find(where))

    async def carry_all(self, where: SessionId) -> None:
        """Again, until nothing is left. Raises Trouble."""
        while (found := await self.sessions.find(where)) is not None and found.outbox:
            with suppress(Unavailable):
                await self._outbox.carry_session(found)

    async def pull_all_published(self, where: SessionId, entries: list[str], most: Any = None, _: Any = None) -> Any:
        """The same, if nothing else is there."""
        return await self._pull(self.sessions.pull_all_published, where, entries, most)

    async def with_events(self, where: SessionId) -> Any:
        """As it is."""
        return await self.sessions.with_events(where)

    async def pull_published(self, where: SessionId, entries: list[str], most: Any = None) -> Any:
        """Pull, where a majority has all of it in the log; or be lost before or after."""
        return await self._pull(self.sessions.pull_published, where, entries, most)

    async def _pull(self, pull: Callable[..., Awaitable[Any]], where: SessionId, entries: list[str], most: Any) -> Any:
        found = await self.sessions.find(where)
        assert found is not None
        head = (await self._log.head(LogKey(where, where))).version
        there = [version for version, entry in found.numbered() if entry.id in entries]
        assert all(version <= head for version in there), "pulled, and in no log"
        if (chance := random.random()) < 0.2:
            raise Unavailable("it was not sent")
        after = await pull(where, entries, most)
        if chance < 0.4:
            raise Unavailable("it was, and the answer was lost")
        return after


@asynccontextmanager
async def carriers(database: Database, count: int) -> AsyncIterator[list[Carrier]]:
    """So many, each with an appender of its own."""
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(count):
            store = await stack.enter_async_context(repositories(database, durable=False))
            hints = cast(HintBus, NoHints())
            log = await stack.enter_async_context(open_log_messenger(store.database, store.clock, hints))
            made.append(Carrier(store, EngineMessenger(SessionEngines(store.database), cast(Any, None), log)))
        yield made


async def _lossy(collection: Collection, documents: list[Any]) -> list[Outcome]:
    if (chance := random.random()) < 0.2:
        raise Unavailable("it was not sent")
    outcomes = await _INSERT(collection, documents)
    if chance < 0.4:
        raise Unavailable("it was, and the answer was lost")
    return outcomes


_INSERT = Collection.insert_each


async def test_versions_are_in_the_log_once_each_and_in_order(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While inserts, their answers and pulls are lost in turn, by carriers that know nothing of each other."""
    monkeypatch.setattr(Collection, "insert_each", _lossy)
    monkeypatch.setattr(module, "UNKNOWN_PAUSE", 0.001)
    async with repositories(database, durable=False) as store, carriers(database, 3) as made:
        document = session(engine="log")
        where = SessionId(document["_id"])
        sessions = store.database["sessions"]
        await sessions.insert_one(document)
        done = asyncio.Event()

        async def carry(carrier: Carrier) -> None:
            while not done.is_set() or (await sessions.find_one({"_id": where}) or {})["outbox"]:
                try:
                    await carrier.carry(where)
                except Unavailable:
                    continue
                await asyncio.sleep(0)

        async def change() -> None:
            for n in range(CHANGES):
                event = {"id": new_id(), "type": "media-lost", "at": store.clock.now(), "data": {"n": n}}
                await sessions.update_one({"_id": where}, {"$inc": {"version": 1}, "$push": {"outbox": event}})
                await asyncio.sleep(random.uniform(0, 0.005))
            done.set()

        await asyncio.wait_for(asyncio.gather(change(), *(carry(one) for one in made)), 60)
        told, first = [], 1
        while chain := await LogReader(store.database).chain(LogKey(where, where), first):
            told += [entry.id for record in chain for entry in record.entries]
            first = chain[-1].last + 1
        assert told == [f"{where}:{version}" for version in range(2, CHANGES + 2)]


async def test_a_carrier_goes_on_behind_what_others_have_carried(database: Database) -> None:
    """What it believes the head to be is of before that: it reads, and does not call the versions between missing."""
    async with repositories(database, durable=False) as store, carriers(database, 2) as (one, other):
        document = session(engine="log")
        where = SessionId(document["_id"])
        await store.database["sessions"].insert_one(document)
        for carrier in (one, other, other, one, one, other):
            event = {"id": new_id(), "type": "media-lost", "at": store.clock.now(), "data": {}}
            update = {"$inc": {"version": 1}, "$push": {"outbox": event}}
            await store.database["sessions"].update_one({"_id": where}, update)
            await carrier.carry_all(where)
        head = await LogReader(store.database).head(LogKey(where, where))
        assert (head.position, head.version) == (6, 7)


async def test_a_session_gets_a_log_only_when_every_living_program_knows_logs(database: Database) -> None:
    """A wrapper of before would carry its outbox to an exchange, a pod of before would answer its polls with 410."""
    async with repositories(database, durable=False) as store:
        await store.wrappers.renew("new")
        await store.pods.renew("new", None)

        async def chosen() -> str:
            return (await EngineChoice("log", (store.pods, store.wrappers)).of_new_session("per-session")).engine

        assert await chosen() == "log"
        assert (await EngineChoice("queues", (store.pods, store.wrappers)).of_new_session("sharded")).engine == "queues"
        for leases, name in (("pods", "old pod"), ("wrappers", "old wrapper")):
            await store.database[leases].update_one({"_id": name}, {"$currentDate": {"since": True}}, upsert=True)
            assert await chosen() == "queues"
            long_ago = store.clock.now().replace(year=2020)
            await store.database[leases].update_one({"_id": name}, {"$set": {"since": long_ago}})
            assert await chosen() == "log", "it is dead"


async def test_a_session_keeps_its_signals_keys_in_records_only_when_every_living_program_looks_there(
    database: Database,
) -> None:
    """A pod of before would find no key of a repeat, a wrapper of before would cut the record without its key."""
    async with repositories(database, durable=False) as store:
        await store.wrappers.renew("new")
        await store.pods.renew("new", None)

        async def made() -> bool:
            chosen = await EngineChoice("log", (store.pods, store.wrappers)).of_new_session("per-session")
            id_ = SessionId(new_id())
            origin = Origin(chosen.engine, keyed_records=chosen.keyed_records)
            await store.sessions.create(id_, CreateSession(), store.soon(), origin)
            roster = await store.sessions.roster(id_)
            assert roster is not None
            assert roster.engine == "log"
            return roster.keyed_records

        assert await made()
        for leases, name in (("pods", "old pod"), ("wrappers", "old wrapper")):
            old = {"$set": {"engines": ["queues", "log"]}, "$currentDate": {"since": True}}
            await store.database[leases].update_one({"_id": name}, old, upsert=True)
            assert not await made()
            await store.database[leases].delete_one({"_id": name})
        assert await made()
