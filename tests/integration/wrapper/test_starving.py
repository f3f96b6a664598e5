"""What cannot be done, raises or hangs keeps a sweep from nothing else."""

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import ParticipantId, new_id
from callplane.store.attachments import LIMIT
from testkit.inprocess.crowded_database import connection, session
from testkit.inprocess.sweeps import Sweeping, sweeping
from testkit.servers.servers import Database
from testkit.servers.until import until


def ago(seconds: float) -> datetime:
    """Then."""
    return datetime.now(UTC) - timedelta(seconds=seconds)


def owing(what: str, seconds: float, **fields: Any) -> dict[str, Any]:
    """A session that owes this for so long."""
    chore = {"id": new_id(), "do": what, "at": ago(seconds), "with": fields.pop("args", {})}
    return session(chores=[chore], since=ago(seconds), **fields)


async def swept(one: Sweeping, rounds: int) -> None:
    """What is owed, so many times, as far apart as they are in the product."""
    for _ in range(rounds):
        await one.sweeps.owed()
        await asyncio.sleep(0.06)


async def test_what_cannot_be_done_yet_lets_the_rest_go_first(database: Database) -> None:
    async with sweeping(database) as [one]:
        raw = one.store.database["sessions"]
        async with database.client() as client:
            undoable = [owing("place", 60, participants=[{"id": "a"}]) for _ in range(210)]
            await client[database.name]["sessions"].insert_many(undoable)
        closed = owing("delete-session", 9, status="closed")
        await raw.insert_one(closed)
        await swept(one, 2)
        assert one.broker.deleted == {closed["_id"]: 1}
        undone = await raw.find({"status": "open", "chores.at": {"$lt": datetime.now(UTC)}}).to_list()
        assert undone == [], "each is put off"


async def test_a_broken_item_ends_no_round(database: Database) -> None:
    async with sweeping(database) as [one]:
        raw = one.store.database["sessions"]
        broken = [{**owing("delete-session", 90 - n, status="closed"), "epoch": "x"} for n in range(3)]
        fine = owing("delete-session", 9, status="closed")
        for document in (*broken, fine):
            await raw.insert_one(document)
        await swept(one, 1)
        assert one.broker.deleted == {fine["_id"]: 1}
        assert await one.store.sessions.overdue(0) == [], "those that cannot be read wait for longer each time"


async def test_a_tombstone_and_a_seat_that_raise_stop_no_other(database: Database) -> None:
    async with sweeping(database) as [one]:
        ended = {"session_id": "none", "n": 1, "holder": None, "state": "ended", "reason": "left"}
        over = [session(status="closed", since=ago(9000 - n)) for n in range(3)]
        gone = [{"_id": f"seat {n}", **ended, "since": ago(900 - n)} for n in range(3)]
        for document in over:
            await one.store.database["sessions"].insert_one(document)
        for document in gone:
            await one.store.database["attachments"].insert_one(document)
        one.broker.ill |= {over[0]["_id"], "seat 0"}
        for _ in range(2):
            await one.sweeps.tombstones.sweep()
            await one.lost_seats.sweep()
        assert set(one.broker.deleted) == {over[1]["_id"], over[2]["_id"], "seat 1", "seat 2"}
        assert await one.store.sessions.tombstones(0) == []
        assert await one.store.attachments.ended() == []
        one.broker.ill.clear()
        for collection, id_ in (("sessions", over[0]["_id"]), ("attachments", "seat 0")):
            await one.store.database[collection].update_one({"_id": id_}, {"$set": {"due": ago(1)}})
        await one.sweeps.tombstones.sweep()
        await one.lost_seats.sweep()
        assert {over[0]["_id"], "seat 0"} <= set(one.broker.deleted)


async def test_one_that_hangs_holds_up_neither_its_round_nor_the_next(database: Database) -> None:
    async with sweeping(database) as [one], asyncio.TaskGroup() as group:
        raw = one.store.database["sessions"]
        hanging, other, later = (owing("delete-session", 90 - n, status="closed") for n in range(3))
        one.broker.hanging.add(hanging["_id"])
        await raw.insert_one(hanging)
        await raw.insert_one(other)
        running = group.create_task(one.sweeps.each(0.05, one.sweeps.owed, rounds=2))

        async def deleted(which: dict[str, Any]) -> bool:
            return one.broker.deleted[which["_id"]] == 1

        await until(lambda: deleted(other))
        await raw.insert_one(later)
        await until(lambda: deleted(later))
        assert one.broker.at_once == 1, "no second round waits for the same"
        running.cancel()


async def test_many_seats_that_stay_do_not_hide_the_one_that_goes(database: Database) -> None:
    """Displays that read no messages and whose media flows: as many as one query returns, and then somebody dead."""
    async with sweeping(database) as [one], database.client() as client:
        raw, names = client[database.name], [f"d{n}" for n in range(LIMIT)]
        kept = session(participants=[{"id": name} for name in [*names, "dead"]])
        kept["settings"] = {**kept["settings"], "grace": 1}
        await raw["sessions"].insert_one(kept)
        seat = {"session_id": kept["_id"], "n": 1, "holder": None, "state": "detached"}
        where = {"session_id": kept["_id"], "owner": "w", "media_state": "connected", "since": ago(99)}
        displays = [{"_id": name, **seat, "since": ago(99)} for name in names]
        await raw["attachments"].insert_many([*displays, {"_id": "dead", **seat, "since": ago(9)}])
        await raw["connections"].insert_many([connection("ready", participant_id=name, **where) for name in names])
        assert "dead" not in {found.participant_id for found in await one.store.attachments.past_grace()}
        await one.lost_seats.sweep()
        ended = await one.store.attachments.read(ParticipantId("dead"))
        assert ended is not None
        assert (ended.state, ended.reason) == ("ended", "connection-lost")
        now = await one.store.sessions.find(kept["_id"])
        assert now is not None
        assert {found.id for found in now.participants} == set(names)
        assert await one.store.attachments.past_grace() == []


async def test_wrappers_share_what_is_owed_and_do_it_side_by_side(database: Database) -> None:
    async with sweeping(database, wrappers=3) as three:
        closed = [owing("delete-session", 9, status="closed") for _ in range(120)]
        async with database.client() as client:
            await client[database.name]["sessions"].insert_many(closed)
        async with asyncio.TaskGroup() as group:
            for one in three:
                one.broker.seconds = 0.2
                group.create_task(one.sweeps.owed())
        deleted = [one.broker.deleted for one in three]
        assert sum(deleted, Counter()) == {document["_id"]: 1 for document in closed}, "each once"
        assert min(each.total() for each in deleted) > len(closed) / 10, "by all of them"
        assert min(one.broker.most for one in three) > 2, "side by side"


async def test_who_reaches_a_media_server_again_does_at_once_what_waited_for_it(database: Database) -> None:
    async with sweeping(database) as [one]:
        session_id = (document := owing("place", 60, participants=[{"id": "a"}]))["_id"]
        await one.store.database["sessions"].insert_one(document)
        await swept(one, 1)
        assert await one.store.sessions.overdue(0) == []
        await one.adoption.came_back("any")

        async def is_due() -> bool:  # by the wrapper's clock, which knows the database's to some milliseconds
            return await one.store.sessions.overdue(0) == [session_id]

        await until(is_due)


async def test_where_the_store_or_the_broker_was_away_it_is_tried_a_second_later(database: Database) -> None:
    async with sweeping(database) as [one]:
        document = owing("delete-session", 60, status="closed")
        await one.store.database["sessions"].insert_one(document)
        one.broker.away = True
        with suppress(Unavailable):
            await one.sweeps.owed()
        found = await one.store.database["sessions"].find_one({"_id": document["_id"]})
        assert found is not None
        assert found["chores"][0]["at"] - datetime.now(UTC) < timedelta(seconds=2)


async def test_a_mailbox_has_ended_before_its_queue_goes(database: Database) -> None:
    async with sweeping(database) as [one]:
        over = session(status="closed", since=ago(9000))
        await one.store.database["sessions"].insert_one(over)
        attached = {"session_id": over["_id"], "n": 1, "holder": "pod", "state": "attached", "since": ago(9000)}
        await one.store.database["attachments"].insert_one({"_id": "reader", **attached})
        one.broker.ill.add("reader")  # its queue cannot be deleted yet, so the attachment is still there to be read
        await one.sweeps.tombstones.sweep()
        found = await one.store.attachments.read(ParticipantId("reader"))
        assert found is not None
        assert (found.state, found.reason) == ("ended", "session-closed")
