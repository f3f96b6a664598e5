"""Free JSON through a real mongod and back, and documents that cannot be read beside others that can."""

import datetime
from typing import Any

import bson
import pytest
from bson.binary import Binary
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from callplane.contracts.ids import new_id
from callplane.store.decoding import Unreadable
from callplane.store.documents import MediaRef, Seat
from callplane.store.seats import SeatGuard
from callplane.store.session_pages import SessionPages
from callplane.store.views import participant_view
from testkit.fakes.json_values import EXAMPLES, OBJECTS, same
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database


async def there_and_back(store: Repositories, values: list[dict[str, Any]]) -> None:
    """Every way by which free JSON gets into a session, and both places in which it is kept."""
    made, taken, changed, moved = values
    session = await store.session(metadata=made)
    seat = Seat(id=new_id(), metadata=taken)
    assert await store.seats.take(session.id, seat, "c1", store.soon()) is not None
    before = await store.sessions.find(session.id)
    assert before is not None
    assert same(before.metadata, made)
    assert same(before.participants[0].metadata, taken)
    assert same(before.outbox[-1].data["participant"]["metadata"], taken)
    assert await store.sessions.update(session.id, "c2", {"metadata": changed}, store.soon(), None) is not None
    guard = SeatGuard("c3", store.soon())
    view = participant_view(before, before.participants[0])
    update = await store.seats.update(session.id, view, {"metadata": moved, "name": "Bo"}, guard)
    assert update is not None
    after = update.document
    assert same(after.metadata, changed)
    assert same(after.outbox[-2].data["session"]["metadata"], changed)
    assert (same(after.participants[0].metadata, moved), after.participants[0].name) == (True, "Bo")
    page = await SessionPages(store.database).page(None, 500)
    listed = next(one for one in page.sessions if one.id == session.id)
    assert same(session_of(listed), session_of(after))


def session_of(document: Any) -> list[Any]:
    """All the free JSON of a session."""
    return [document.metadata, *(seat.metadata for seat in document.participants)]


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(list(EXAMPLES))
@given(st.lists(OBJECTS, min_size=16, max_size=16))
async def test_every_json_value_comes_back_equal(database: Database, values: list[dict[str, Any]]) -> None:
    async with repositories(database, durable=False) as store:
        for n in range(0, len(values), 4):
            await there_and_back(store, values[n : n + 4])


RUBBISH: dict[str, dict[str, Any]] = {
    "of another shape": {"status": "open", "outbox": 5, "chores": "x"},
    "not even an id of ours": {"_id": bson.ObjectId(), "status": "open"},
    "a date beyond Python's": {"status": "open", "created_at": bson.DatetimeMS(10**17)},
    "a reference that is none": {"status": "open", "media": Binary(b"\xff\xfe", 0x80)},
}
OLD = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
LONG_SINCE = [{"id": "x", "at": OLD, "do": "place", "type": "x", "data": {}}]


@pytest.mark.parametrize("rubbish", RUBBISH.values(), ids=RUBBISH.keys())
async def test_what_cannot_be_read_hides_nothing_else(database: Database, rubbish: dict[str, Any]) -> None:
    """Each list, sweep and search, with rubbish that is found first beside a session that is fine."""
    async with repositories(database, durable=False) as store:
        met: list[str] = []
        store.database.unread.on_unreadable = met.append
        id_ = rubbish.get("_id", "0")
        owing = {"chores": LONG_SINCE, "outbox": LONG_SINCE, "participants": [{"state": "reconnecting"}]}
        await database.write("sessions", {"_id": id_, "media": 1, "server": "gone", **owing, **rubbish})
        good = await store.session()
        assert (await SessionPages(store.database).page(None, 10)).sessions[0].id == good.id
        await store.sessions.close(good.id, "closed")
        sessions = store.sessions
        won = [await sessions.claim_overdue(owing, -1) for owing in await sessions.overdue(-1) if owing != id_]
        assert [one.id for one in won if one] == [good.id]
        assert await store.sessions.on_servers_lost({"m": None}) == []
        assert await store.seats.away("") == (set(), "")
        assert set(met) <= {"sessions"}
        if isinstance(id_, str):
            assert met
            with pytest.raises(Unreadable):
                await store.sessions.find(id_)
            assert await store.sessions.epoch_of_open(id_) == 0
        assert await store.sessions.open_ids() == ([id_] if isinstance(id_, str) else [])


async def test_those_at_the_head_of_a_page_hide_nobody_behind_them(database: Database) -> None:
    async with repositories(database) as store:
        lost: dict[str, Any] = {"status": "open", "media": MediaRef("gone", "p"), "server": "gone", "server_id": "a"}
        for n in range(3):
            await store.database["sessions"].insert_one({**lost, "_id": f"0 unreadable {n}", "epoch": "x"})
        session = await store.session()
        await store.database["sessions"].update_one(
            {"_id": session.id}, {"$set": lost | {"media": MediaRef("gone", "p")}}
        )
        assert [one.id for one in await store.sessions.on_servers_lost({}, 2)] == [session.id]
