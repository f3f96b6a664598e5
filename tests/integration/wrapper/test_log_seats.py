"""Seats of log sessions: one that a living pod reads for never ends, one that is left ends after its grace."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import pytest

from callplane.contracts.ids import ParticipantId, SessionId, new_id
from callplane.store.attachments import Tag
from callplane.store.incarnations import Incarnations
from callplane.store.log.place import Place
from callplane.store.log.records import Entry, LogKey, Record, written
from testkit.inprocess.crowded_database import session
from testkit.inprocess.sweeps import Sweeping, sweeping
from testkit.servers.servers import Database
from testkit.servers.until import until
from wrapper.sweeps.tombstones import Tombstones

ANN = ParticipantId("ann")
OLD, NEW = Tag(p="old", n=1), Tag(p="new", n=1)


async def _seat(one: Sweeping, grace: int) -> SessionId:
    """A session with one seat that the incarnation ``old`` reads for."""
    document = session(engine="log", participants=[{"id": ANN}])
    document["settings"] = {**document["settings"], "grace": grace}
    await one.store.database["sessions"].insert_one(document)
    where = SessionId(document["_id"])
    await one.context.store.attachments.open(where, ANN, Place())
    await one.context.store.log_attachments.add({ANN: OLD})
    return where


async def _state(one: Sweeping) -> str:
    return (await one.context.store.log_attachments.read([ANN]))[ANN].state


async def test_a_seat_whose_pod_lives_is_left_alone_and_one_whose_pod_died_ends(database: Database) -> None:
    async with sweeping(database) as [one]:
        where = await _seat(one, grace=0)
        await one.context.store.incarnations.register("old")
        await one.lost_seats.sweep()
        assert await _state(one) == "attached"
        await one.context.store.incarnations.release("old")

        async def gone() -> bool:
            await one.lost_seats.sweep()
            found = await one.store.sessions.find(where)
            return found is not None and found.seat(ANN) is None

        await until(gone)
        assert await _state(one) == "ended"
        assert one.broker.deleted == {}, "there is no queue to delete"


async def test_a_pod_that_wakes_between_the_sweeps_reading_and_its_write_keeps_its_seat(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was paused over its lease: its old name is dead, and it attaches anew before the sweep acts upon that."""
    living = Incarnations.living
    async with sweeping(database) as [one]:
        await _seat(one, grace=60)
        store = one.context.store

        async def woken(incarnations: Incarnations, among: Collection[str]) -> frozenset[str]:
            alive = await living(incarnations, among)
            assert not await store.incarnations.renew("old"), "one that has lapsed never comes back"
            await store.incarnations.register("new")
            await store.log_attachments.add({ANN: NEW})
            return alive

        monkeypatch.setattr(Incarnations, "living", woken)
        before = (await store.log_attachments.read([ANN]))[ANN]
        await one.lost_seats.sweep()
        found = (await store.log_attachments.read([ANN]))[ANN]
        assert (found.state, found.pods, found.since) == ("attached", (NEW,), before.since)


async def test_a_pod_that_attaches_its_first_seat_during_a_sweep_keeps_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep that asked who lives first would not have heard of it, and find its name in a seat."""
    living = Incarnations.living
    async with sweeping(database) as [one]:
        await _seat(one, grace=60)
        store = one.context.store
        await store.incarnations.register("old")

        async def attached_then(incarnations: Incarnations, among: Collection[str]) -> frozenset[str]:
            alive = await living(incarnations, among)
            await store.incarnations.register("new")
            await store.log_attachments.add({ANN: NEW})
            await store.log_attachments.remove({ANN: (OLD, None)})
            return alive

        monkeypatch.setattr(Incarnations, "living", attached_then)
        await one.lost_seats.sweep()
        assert await _state(one) == "attached"


async def _append(one: Sweeping, *keys: str, session_id: SessionId) -> None:
    for key in keys:
        log = LogKey(key, session_id)
        head = await one.context.store.logs.head(log)
        record = Record(head.position + 1, (Entry(new_id(), "signal", b"{}"),), 1, 2)
        await one.store.database["log"].insert_one(written(log, record, datetime.now(UTC)))


async def test_a_closed_sessions_logs_are_deleted_and_an_hour_later_what_a_late_writer_left(
    database: Database,
) -> None:
    async with sweeping(database) as [one]:
        where = await _seat(one, grace=60)
        tombstones, other = Tombstones(one.context, 3600), SessionId("another")
        await _append(one, where, ANN, session_id=where)
        await _append(one, other, session_id=other)
        sessions, log = one.store.database["sessions"], one.store.database["log"]
        long_ago = datetime.now(UTC) - timedelta(hours=2)
        await sessions.update_one({"_id": where}, {"$set": {"status": "closed", "since": long_ago}})

        await tombstones.sweep()
        assert [found["s"] for found in await log.find({}).to_list()] == [other]
        assert await one.context.store.attachments.read(ANN) is None
        assert await one.store.sessions.find(where) is not None, "kept, for what may come yet"
        await tombstones.sweep()
        assert await one.store.sessions.find(where) is not None

        await _append(one, where, ANN, session_id=where)  # by a process that was paused for that hour
        await sessions.update_one({"_id": where}, {"$set": {"due": long_ago}})
        await tombstones.sweep()
        assert [found["s"] for found in await log.find({}).to_list()] == [other]
        assert await one.store.sessions.find(where) is None
