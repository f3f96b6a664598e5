"""Chores are taken out of a session that shows what they were done by, and of no other."""

from typing import Any

import pytest

from callplane.contracts.ids import ParticipantId, SessionId
from callplane.store.shown_streams import ShownStreams
from callplane.store.versioned_updates import Pulled
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database

ANN = ParticipantId("ann")


def stream(participant: str, connection: str) -> dict[str, Any]:
    return {"participant_id": participant, "connection_id": connection, "media": ["audio"], "source": None}


async def shown(store: Repositories) -> tuple[SessionId, ShownStreams]:
    """A session in which Ann publishes two streams and is muted, and Bo one; and what is shown of Ann."""
    session = await store.session()
    for seat in ("ann", "bo"):
        await store.seated(session.id, seat)
    streams = [stream("ann", "one"), stream("bo", "his"), stream("ann", "two")]
    chores = [{"id": id_, "do": "settle-streams", "at": store.clock.now(), "with": {}} for id_ in ("c", "d")]
    told = {"streams": streams, "chores": chores, "participants.0.muted.audio": True}
    await store.database["sessions"].update_one({"_id": session.id}, {"$set": told})
    found = await store.sessions.find(session.id)
    assert found is not None
    return session.id, ShownStreams.of(found, ANN)


async def chores(store: Repositories, session: SessionId) -> list[str]:
    found = await store.sessions.find(session)
    assert found is not None
    return [chore.id for chore in found.chores]


CHANGES: dict[str, dict[str, Any]] = {
    "unmuted": {"$set": {"participants.0.muted.audio": False}},
    "muted more": {"$set": {"participants.0.muted.video": True}},
    "unpublished": {"$pull": {"streams": {"connection_id": "one"}}},
    "published": {"$push": {"streams": stream("ann", "three")}},
    "replaced": {"$set": {"streams.0.connection_id": "another"}},
    "another epoch": {"$set": {"epoch": 9}},
    "left": {"$pull": {"participants": {"id": "ann"}}},
}

OTHERS: dict[str, dict[str, Any]] = {
    "nothing": {"$set": {"version": 77}},
    "somebody else is muted": {"$set": {"participants.1.muted.audio": True}},
    "somebody else publishes": {"$push": {"streams": stream("bo", "another")}},
    "as the version before writes it": {"$unset": {"participants.0.muted.video": ""}},
}


@pytest.mark.parametrize("change", CHANGES | OTHERS)
async def test_a_chore_stays_where_what_it_was_done_by_has_changed(database: Database, change: str) -> None:
    async with repositories(database) as store:
        session, before = await shown(store)
        await store.database["sessions"].update_one({"_id": session}, (CHANGES | OTHERS)[change])
        guarded = Pulled(("c",), (before,))
        if change in OTHERS:
            assert await store.sessions.pull_chores(session, guarded)
            assert await chores(store, session) == ["d"]
        else:
            assert not await store.sessions.pull_chores(session, guarded)
            assert await store.sessions.pull_published(session, [], None, guarded) is None
            assert await chores(store, session) == ["c", "d"]


async def test_events_and_chores_go_together(database: Database) -> None:
    async with repositories(database) as store:
        session, before = await shown(store)
        found = await store.sessions.find(session)
        assert found is not None
        assert found.outbox
        entries = [entry.id for entry in found.outbox]
        left = await store.sessions.pull_published(session, entries, {"peak": 7}, Pulled(("c", "d"), (before,)))
        assert left is not None
        assert (left.outbox, left.chores, left.peak) == ([], [], 7)
