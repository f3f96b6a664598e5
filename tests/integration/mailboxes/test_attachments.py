"""Every change of an attachment is guarded by what was seen of it (design 5)."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from callplane.contracts.ids import ParticipantId, SessionId
from callplane.store import attachments as module
from callplane.store.attachments import Attachment, Attachments
from callplane.store.indexes import ensure_indexes
from callplane.store.leases import PodLeases
from callplane.store.log.place import Place
from callplane.store.mongo.database import open_database
from testkit.inprocess.mailboxes import S
from testkit.servers.servers import Database

ANN, BOB = ParticipantId("ann"), ParticipantId("bob")


async def seen(attachments: Attachments, participant: ParticipantId = ANN) -> Attachment:
    """It as it is now."""
    found = await attachments.read(participant)
    assert found is not None
    return found


async def test_it_is_inserted_once(database: Database) -> None:
    """A repeated join leaves it as it is, ended or not."""
    async with open_database(database.url, database.name) as opened:
        attachments = Attachments(opened)
        assert await attachments.read(ANN) is None
        await attachments.open(S, ANN)
        first = await seen(attachments)
        assert (first.state, first.holder, first.n, first.reason) == ("detached", None, 0, None)
        await attachments.open(S, ANN)
        assert await seen(attachments) == first
        await attachments.end(ANN, "left")
        await attachments.open(S, ANN)
        assert (await seen(attachments)).state == "ended"


async def test_one_of_many_takes_it(database: Database) -> None:
    """All have seen the same; n counts one step."""
    async with open_database(database.url, database.name) as opened:
        attachments = Attachments(opened)
        await attachments.open(S, ANN)
        before = await seen(attachments)
        results = await asyncio.gather(*[attachments.take(before, f"pod.{n}") for n in range(20)])
        [winner] = [result for result in results if result is not None]
        assert winner == await seen(attachments)
        assert (winner.n, winner.state) == (1, "attached")


async def test_what_is_ended_stays_ended(database: Database) -> None:
    """With its first reason, whoever comes."""
    async with open_database(database.url, database.name) as opened:
        attachments = Attachments(opened)
        await attachments.open(S, ANN)
        held = await attachments.take(await seen(attachments), "pod.a")
        assert held is not None
        assert await attachments.end(ANN, "kicked")
        assert not await attachments.end(ANN, "left")
        ended = await seen(attachments)
        for change in (attachments.take(ended, "pod.b"), attachments.reattach(ended), attachments.detach(ended)):
            assert await change is None
        assert not await attachments.end_if_unchanged(held, "connection-lost")
        assert (await seen(attachments)).reason == "kicked"


async def test_a_late_write_changes_nothing(database: Database) -> None:
    """A detach that was sent before a reattach, and arrives after it, must not start a grace; nor the other way."""
    async with open_database(database.url, database.name) as opened:
        attachments = Attachments(opened)
        await attachments.open(S, ANN)
        attached = await attachments.take(await seen(attachments), "pod.a")
        assert attached is not None
        detached = await attachments.detach(attached)
        assert detached is not None
        again = await attachments.reattach(detached)
        assert again is not None
        assert await attachments.detach(attached) is None
        assert await attachments.reattach(detached) is None
        assert not await attachments.end_if_unchanged(detached, "connection-lost")
        assert await seen(attachments) == again


async def test_grace_is_measured_in_database_time(database: Database) -> None:
    """Only what has been detached for all of it, and is unchanged, ends."""
    async with open_database(database.url, database.name) as opened:
        attachments = Attachments(opened)
        await attachments.open(S, ANN)
        [detached] = await attachments.away()
        assert not await attachments.end_if_away(detached, 30, "connection-lost")
        await opened["attachments"].update_one(
            {"_id": ANN}, {"$set": {"since": detached.since - timedelta(seconds=31)}}
        )
        assert not await attachments.end_if_away(detached, 30, "connection-lost")
        assert await attachments.end_if_away(await seen(attachments), 30, "connection-lost")
        assert await attachments.away() == []


async def test_an_ended_one_is_listed_until_its_seat_is_pulled(database: Database) -> None:
    """Then it has an hour more, which the database counts."""
    async with open_database(database.url, database.name) as opened:
        await ensure_indexes(opened)
        attachments = Attachments(opened)
        await attachments.open(S, ANN)
        await attachments.end(ANN, "left")
        assert [one.participant_id for one in await attachments.ended()] == [ANN]
        await attachments.expire([ANN])
        await attachments.expire([ANN])
        assert await attachments.ended() == []
        document = await opened["attachments"].find_one({"_id": ANN})
        assert document is not None
        assert document["expires_at"] - document["since"] >= timedelta(hours=1)


async def test_who_ended_with_its_seat_is_looked_at_no_more_where_no_queue_may_be_made_late(database: Database) -> None:
    """The sweep asked of each, whose seat had gone in the ordinary way, for that seat, its session and its queue."""
    async with open_database(database.url, database.name) as opened:
        await ensure_indexes(opened)
        attachments = Attachments(opened)
        await attachments.open(S, ANN, Place())
        await attachments.open(S, BOB)
        for one in (ANN, BOB):
            await attachments.end_with_seat(one, "$left")
            await attachments.end_with_seat(one, "again")
        document = await opened["attachments"].find_one({"_id": ANN})
        assert document is not None
        assert (document["state"], document["reason"]) == ("ended", "$left")
        assert document["expires_at"] - document["since"] == timedelta(hours=1)
        assert [(one.participant_id, one.pulled) for one in await attachments.ended()] == [(BOB, True)]


async def test_orphans_are_those_of_dead_pods(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not those of living ones, and not one that was attached since the living were counted."""
    async with open_database(database.url, database.name) as opened:
        attachments, pods = Attachments(opened), PodLeases(opened, lease_seconds=60)
        await pods.renew("a", "pod.a.1")
        await attachments.open(S, ANN)
        await attachments.take(await seen(attachments), "pod.a.1")
        assert await pods.holders() == {"pod.a.1"}
        assert await attachments.detach_orphans(await pods.holders()) == 0
        assert await attachments.detach_orphans([]) == 0
        monkeypatch.setattr(module, "ORPHANED_AFTER", 0.0)
        assert await attachments.detach_orphans(await pods.holders()) == 0
        held = await seen(attachments)
        await pods.renew("a", "pod.a.2")
        assert await attachments.detach_orphans(await pods.holders()) == 1
        detached = await seen(attachments)
        assert (detached.state, detached.holder) == ("detached", "pod.a.1")
        assert detached.since > held.since
        assert await attachments.detach_orphans(await pods.holders()) == 0


async def test_only_those_past_their_own_sessions_grace_are_due(database: Database) -> None:
    """However many with a longer grace have been away for longer; and nobody of a session that is closed."""
    async with open_database(database.url, database.name) as opened:
        attachments = Attachments(opened)
        for name, grace, status, ago in (
            ("patient", 900, "open", 800),
            ("due", 30, "open", 31),
            ("not-yet", 60, "open", 29),
            ("closed", 30, "closed", 31),
        ):
            await opened["sessions"].insert_one({"_id": name, "status": status, "settings": {"grace": grace}})
            await attachments.open(SessionId(name), ParticipantId(name))
            [born] = await attachments.of_session(SessionId(name))
            since = {"since": born.since - timedelta(seconds=ago)}
            await opened["attachments"].update_one({"_id": name}, {"$set": since})
        assert [one.participant_id for one in await attachments.past_grace()] == ["due"]
        due = await seen(attachments, ParticipantId("due"))
        await attachments.graces.put_off(due.participant_id)
        assert await attachments.past_grace() == []
        assert await attachments.take(due, "pod.a") is not None
        await opened["sessions"].update_one({"_id": "patient"}, {"$set": {"settings.grace": 30}})
        assert await attachments.past_grace() == []
        await attachments.graces.reset("patient")
        assert [one.participant_id for one in await attachments.past_grace()] == ["patient"]


async def test_a_time_that_an_older_version_left_there_is_of_no_account(database: Database) -> None:
    """A pod of version N that calls a seat attached and detached again leaves ``due`` as N+1 reckoned it before."""
    async with open_database(database.url, database.name) as opened:
        attachments = Attachments(opened)
        await opened["sessions"].insert_one({"_id": S, "status": "open", "settings": {"grace": 30}})
        await attachments.open(S, ANN)
        [born] = await attachments.of_session(S)
        for ago in (31, 5):
            await opened["attachments"].update_one(
                {"_id": ANN}, {"$set": {"since": born.since - timedelta(seconds=ago)}}
            )
            assert [one.participant_id for one in await attachments.past_grace()] == ([ANN] if ago == 31 else [])
        assert await attachments.past_grace() == [], "reckoned anew, and not over yet"
        await opened["attachments"].update_one({"_id": ANN}, {"$set": {"since": born.since - timedelta(seconds=40)}})
        await attachments.graces.reset(S)
        assert [one.participant_id for one in await attachments.past_grace()] == [ANN]


async def test_who_is_away_for_long_is_looked_at_rarely(database: Database) -> None:
    """Each second for 15 of them, then ever more rarely, to each half minute; at once when it was back meanwhile."""
    async with open_database(database.url, database.name) as opened:
        attachments, start = Attachments(opened), datetime.now(UTC)
        await attachments.open(S, ANN)
        for ago, pause in ((9, 1), (15, 9), (900, 30)):
            [born] = await attachments.away()
            since = {"since": born.since - timedelta(seconds=ago), "look": None}
            await opened["attachments"].update_one({"_id": ANN}, {"$set": since})
            began = datetime.now(UTC)
            await attachments.looked_at([ANN])
            found = await opened["attachments"].find_one_and_update({"_id": ANN}, {"$unset": {"look": ""}})
            assert found is not None
            late = (datetime.now(UTC) - start).total_seconds()  # for so long as well it has been away by then
            assert pause - 1 < (found["look"] - began).total_seconds() < pause + 1 + 2 * late
        await attachments.looked_at([ANN])
        assert await attachments.away() == []
        attached = await attachments.take(await seen(attachments), "pod.a")
        assert attached is not None
        assert await attachments.detach(attached) is not None
        assert [one.participant_id for one in await attachments.away()] == [ANN]


async def test_a_lease_is_over_by_itself_or_given_back(database: Database) -> None:
    """A pod without a link holds nothing."""
    async with open_database(database.url, database.name) as opened:
        pods = PodLeases(opened, lease_seconds=60)
        await pods.renew("a", "pod.a")
        await pods.renew("b", "pod.b")
        await pods.renew("c", None)
        assert await pods.holders() == {"pod.a", "pod.b"}
        await pods.release("b")
        assert await pods.holders() == {"pod.a"}
        await opened["pods"].update_many({}, [{"$set": {"since": {"$subtract": ["$since", 61_000]}}}])
        assert await pods.holders() == frozenset()
        await pods.delete_expired()
        assert await opened["pods"].count_documents({}) == 2
