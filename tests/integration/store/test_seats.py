"""Seats on a real mongod: room, order, and what leaves with a seat."""

import asyncio

from callplane.store.documents import ConnectionDocument, Seat
from callplane.store.seats import Kick, SeatGuard
from callplane.store.views import participant_view
from testkit.inprocess.repositories import repositories
from testkit.servers.servers import Database


async def test_racing_joins_never_pass_the_limit_and_leave_no_gap(database: Database) -> None:
    async with repositories(database) as store:
        session = await store.session(max_participants=10)
        changes = await asyncio.gather(
            *(store.seats.take(session.id, Seat(id=f"p{n}"), f"c{n}", store.soon()) for n in range(50))
        )
        taken = [change for change in changes if change is not None]
        assert len(taken) == 10
        assert sorted(change.document.version for change in taken) == list(range(2, 12))
        now = await store.sessions.find(session.id)
        assert now is not None
        assert len(now.participants) == 10
        assert [n for n, _ in now.numbered()] == list(range(2, 12))
        assert sum(change.publishes for change in taken) == 1


async def test_a_seat_is_taken_once_in_time_and_never_after_a_kick(database: Database) -> None:
    async with repositories(database) as store:
        session = await store.session()
        assert await store.seats.take(session.id, Seat(id="p1"), "c1", store.past()) is None
        await store.seated(session.id, "p1", "c1")
        assert await store.seats.take(session.id, Seat(id="p1"), "c2", store.soon()) is None
        assert await store.seats.pull(session.id, "p1", "kicked", why=Kick()) is not None
        assert await store.seats.take(session.id, Seat(id="p1"), "c3", store.soon()) is None
        assert await store.seats.take(session.id, Seat(id="p2"), "c1", store.soon()) is None, "a join in applied"


def _ready(session: str, participant: str, connection: str, epoch: int = 1) -> ConnectionDocument:
    """A connection that sends sound."""
    whose = {"_id": connection, "session_id": session, "participant_id": participant}
    return ConnectionDocument.model_validate({**whose, "state": "ready", "epoch": epoch, "media": ["audio"]})


async def test_a_leave_takes_streams_along_and_counts_once(database: Database) -> None:
    async with repositories(database) as store:
        session = await store.session()
        await store.seated(session.id, "p1")
        await store.seated(session.id, "p2")
        for participant, connection in (("p1", "k1"), ("p2", "k2")):
            assert await store.media.publish(_ready(session.id, participant, connection)) is not None
        left = await asyncio.gather(*(store.seats.pull(session.id, "p1", "left") for _ in range(5)))
        [change] = [each for each in left if each is not None]
        assert [stream.connection_id for stream in change.document.streams] == ["k2"]
        assert change.document.outbox[-1].data == {"participant_id": "p1", "reason": "left"}
        assert [c.do for c in change.document.chores if c.id in change.chores] == ["sweep-connections", "end-mailbox"]
        now = await store.sessions.find(session.id)
        assert now is not None
        assert now.version == change.document.version


async def test_a_stream_needs_its_seat_and_its_epoch(database: Database) -> None:
    async with repositories(database) as store:
        session = await store.session()
        assert await store.media.publish(_ready(session.id, "nobody", "k1")) is None
        await store.seated(session.id, "p1")
        assert await store.media.publish(_ready(session.id, "p1", "k1", epoch=2)) is None
        assert await store.media.publish(_ready(session.id, "p1", "k1")) is not None
        assert await store.media.publish(_ready(session.id, "p1", "k1")) is None
        assert await store.media.unpublish(session.id, "p1", "k1", "stopped") is not None
        assert await store.media.unpublish(session.id, "p1", "k1", "stopped") is None


async def test_mute_touches_one_medium_of_one_seat(database: Database) -> None:
    async with repositories(database) as store:
        session = await store.session()
        await store.seated(session.id, "p1")
        document = await store.seated(session.id, "p2")
        seat = document.seat("p2")
        assert seat is not None
        before = participant_view(document, seat)
        guard = SeatGuard("c9", store.soon())
        change = await store.seats.update(session.id, before, {"muted": {"video": True}, "name": "Bo"}, guard)
        assert change is not None
        first, second = change.document.participants
        assert (first.muted.audio, first.muted.video, first.name) == (False, False, "")
        assert (second.muted.audio, second.muted.video, second.name) == (False, True, "Bo")
        assert [c.do for c in change.document.chores] == ["settle-streams"]
        assert await store.seats.update(session.id, before, {"name": "again"}, guard) is None
        late = SeatGuard("c10", store.past())
        assert await store.seats.update(session.id, before, {"name": "late"}, late) is None
