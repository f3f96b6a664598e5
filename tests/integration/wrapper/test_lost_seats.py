"""Seats that were pulled: what is left of their mailboxes goes, in open sessions and in closed ones."""

from datetime import UTC, datetime, timedelta
from typing import Any

from callplane.contracts.ids import ParticipantId, SessionId
from testkit.inprocess.crowded_database import session
from testkit.inprocess.sweeps import Sweeping, sweeping
from testkit.servers.servers import Database

ANN, BOB, CID = ParticipantId("ann"), ParticipantId("bob"), ParticipantId("cid")


async def _ended(one: Sweeping, document: dict[str, Any], *pulled: ParticipantId) -> None:
    """That session, and seats that are in it no more."""
    await one.store.database["sessions"].insert_one(document)
    for seat in pulled:
        await one.store.attachments.open(SessionId(document["_id"]), seat)
        await one.store.attachments.end_with_seat(seat, "left")


async def _kept_for(one: Sweeping, seat: ParticipantId) -> timedelta:
    """For how long after its end."""
    document = await one.store.database["attachments"].find_one({"_id": seat})
    assert document is not None
    kept: timedelta = document["expires_at"] - document["since"]
    return kept


async def test_a_mailbox_that_a_late_join_made_for_a_pulled_seat_goes_while_its_session_is_open(
    database: Database,
) -> None:
    async with sweeping(database) as [one]:
        await _ended(one, session(participants=[{"id": BOB}]), ANN)
        await one.lost_seats.sweep()
        assert one.broker.deleted == {ANN: 1}
        assert await one.store.attachments.ended() == []
        assert await _kept_for(one, ANN) >= timedelta(hours=1)
        await one.lost_seats.sweep()
        assert one.broker.deleted == {ANN: 1}, "once"


async def test_where_a_pulled_seats_mailbox_cannot_be_deleted_it_stays_listed(database: Database) -> None:
    async with sweeping(database) as [one]:
        await _ended(one, session(), ANN, BOB)
        one.broker.ill.add(ANN)
        await one.lost_seats.sweep()
        assert one.broker.deleted == {BOB: 1}
        where, put_off = {"_id": ANN}, {"$set": {"due": datetime.now(UTC) - timedelta(seconds=1)}}
        await one.store.database["attachments"].update_one(where, put_off)
        assert [left.participant_id for left in await one.store.attachments.ended()] == [ANN]
        one.broker.ill.clear()
        await one.lost_seats.sweep()
        assert one.broker.deleted == {ANN: 1, BOB: 1}


async def test_pulled_seats_of_closed_sessions_are_kept_for_an_hour_and_no_mailbox_is_asked_for(
    database: Database,
) -> None:
    """Of one whose session is open the mailbox is deleted once more."""
    async with sweeping(database) as [one]:
        closed, other = session(status="closed"), session()
        await _ended(one, closed, ANN, BOB)
        await _ended(one, other, CID)
        await one.lost_seats.sweep()
        assert await one.store.attachments.ended() == []
        assert one.broker.deleted == {CID: 1}, "with its session everything of a closed one goes"
        for seat in (ANN, BOB, CID):
            assert await _kept_for(one, seat) >= timedelta(hours=1)
