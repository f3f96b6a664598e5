"""Sessions with many seats: what a change of one seat reads does not grow with the others; what is odd stays so."""

from functools import partial

import bson
import pytest
from pymongo import AsyncMongoClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from callplane.contracts.ids import ConnectionId, ParticipantId
from callplane.store.decoding import Unreadable
from callplane.store.documents import ConnectionDocument, Seat
from callplane.store.seats import Kick, SeatGuard
from callplane.store.views import participant_view
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database

OTHERS = 300


class Answers(CommandListener):
    """How many bytes the server has answered with."""

    def __init__(self) -> None:
        self.size = 0

    def started(self, event: CommandStartedEvent) -> None:
        """Nothing was answered yet."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """An answer came."""
        # Its times and signatures are not the same length each time.
        answer = event.reply.get("value") or event.reply.get("cursor") or {}
        self.size += len(bson.encode(answer))

    def failed(self, event: CommandFailedEvent) -> None:
        """Nothing was answered."""


async def _life(store: Repositories, others: int) -> None:
    """A seat is taken, read, changed, away, back, and given up, beside so many others; events are published."""
    session = await store.session(max_participants=1000)
    for n in range(others):
        seat = Seat(id=ParticipantId(f"other-{n:04}"))
        await store.database["sessions"].update_one({"_id": session.id}, {"$push": {"participants": seat.model_dump()}})
    change = await store.seats.take(session.id, Seat(id="p1", name="Ann"), "c1", store.soon())
    assert change is not None
    assert change.document.seat_count == others + 1
    assert [seat.id for seat in change.document.participants] == ["p1"]
    assert await store.sessions.pull_published(session.id, [entry.id for entry in change.document.outbox])
    connection = {"_id": "k1", "session_id": session.id, "participant_id": "p1", "state": "ready", "epoch": 1}
    published = await store.media.publish(ConnectionDocument.model_validate({**connection, "media": ["audio"]}))
    assert published is not None
    assert [stream.connection_id for stream in published.document.streams] == ["k1"]
    assert ([seat.id for seat in published.document.participants], published.publishes) == (["p1"], True)
    seen = await store.sessions.with_seat(session.id, ParticipantId("p1"))
    assert seen is not None
    assert [seat.name for seat in seen.participants] == ["Ann"]
    assert seen.applied == ["c1"]
    before = participant_view(seen, seen.participants[0])
    assert [stream.connection_id for stream in before.streams] == ["k1"]
    changed = await store.seats.update(session.id, before, {"name": "Bo"}, SeatGuard("c2", store.soon()))
    assert changed is not None
    shown = participant_view(changed.document, changed.document.participants[0])
    assert (shown.name, shown.streams) == ("Bo", before.streams)
    assert await store.seats.reconnecting(session.id, ParticipantId("p1"))
    assert await store.seats.reconnected(session.id, ParticipantId("p1"))
    for n in range(2):  # who looks at somebody sees nobody else
        both = await store.sessions.with_seats(session.id, ParticipantId("p1"), ParticipantId("nobody"))
        assert both is not None
        assert ([seat.id for seat in both.participants], len(both.streams)) == (["p1"], 1 - n)
        gone = await store.media.unpublish(session.id, ParticipantId("p1"), ConnectionId("k1"), "stopped")
        assert (gone is None) == bool(n)
        assert gone is None or [seat.id for seat in gone.document.participants] == ["p1"]
    left = await store.seats.pull(session.id, ParticipantId("p1"), "left")
    assert left is not None
    assert (left.document.participants, left.document.streams, left.document.seat_count) == ([], [], others)


async def test_a_change_of_one_seat_reads_no_others(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Answers()
    client = partial(AsyncMongoClient, event_listeners=[answers])
    monkeypatch.setattr("callplane.store.mongo.database.AsyncMongoClient", client)
    async with repositories(database, durable=False) as store:
        sizes = []
        for others in (1, OTHERS):
            answers.size = 0
            await _life(store, others)
            sizes.append(answers.size)
    one = len(bson.encode(Seat(id=ParticipantId("other-0000")).model_dump()))
    writes = (OTHERS - 1) * len(bson.encode({}))  # by which the others were put there
    assert sizes[1] - sizes[0] - writes < one, sizes


async def test_whoever_was_kicked_is_told_from_others(database: Database) -> None:
    async with repositories(database) as store:
        session = await store.session()
        for name in ("p1", "p2", "p3"):
            await store.seated(session.id, ParticipantId(name))
        for name in ("p1", "p2"):
            kicked = await store.seats.pull(session.id, ParticipantId(name), "kicked", why=Kick("somebody"))
            assert kicked is not None
            assert kicked.document.seat_count is None, "who kicks looks at all seats"
        for name, found in (("p1", ["p1"]), ("p2", ["p2"]), ("p3", [])):
            seen = await store.sessions.with_seat(session.id, ParticipantId(name))
            assert seen is not None
            assert seen.kicked == found
        nobody = await store.sessions.with_seat(session.id, ParticipantId("$participants"))
        assert nobody is not None
        assert (nobody.participants, nobody.kicked, nobody.seat_count) == ([], [], 1)


@pytest.mark.parametrize("odd", [{"participants": "nobody"}, {"streams": 7}, {"outbox": {"id": "x"}}])
async def test_what_cannot_be_read_is_unreadable_by_its_seat_as_well(
    database: Database, odd: dict[str, object]
) -> None:
    async with repositories(database) as store:
        session = await store.session()
        await store.seated(session.id, ParticipantId("p1"))
        await store.database["sessions"].update_one({"_id": session.id}, {"$set": odd})
        with pytest.raises(Unreadable):
            await store.sessions.with_seat(session.id, ParticipantId("p1"))
