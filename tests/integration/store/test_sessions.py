"""Sessions on a real mongod: one custom id, guarded changes, and what becomes due with time."""

import asyncio
from datetime import timedelta

from callplane.contracts.commands import CreateSession
from callplane.contracts.ids import SessionId, new_id
from callplane.contracts.media import MediaRef
from callplane.store.documents import SessionDocument
from testkit.inprocess.repositories import repositories
from testkit.servers.servers import Database


async def test_one_custom_id_has_one_open_session(database: Database) -> None:
    async with repositories(database) as store:
        wanted = CreateSession(custom_id="room")
        ids = [SessionId(new_id()) for _ in range(20)]
        outcomes = await asyncio.gather(*(store.sessions.create(id_, wanted, store.soon()) for id_ in ids))
        [made] = [outcome for outcome in outcomes if outcome != "taken"]
        assert isinstance(made, SessionDocument), "one is made, and all others are told that it is taken"
        winner = made.id
        assert winner == ids[outcomes.index(made)]
        found = await store.sessions.find_open_by_custom_id("room")
        assert found is not None
        assert found.id == winner
        assert await store.sessions.close(winner, "closed") is not None
        loser = next(id_ for id_ in ids if id_ != winner)
        again = await store.sessions.create(loser, wanted, store.soon())
        assert isinstance(again, SessionDocument)
        assert again == await store.sessions.find(loser)


async def test_two_sessions_without_a_custom_id_do_not_collide(database: Database) -> None:
    async with repositories(database) as store:
        assert (await store.session()).custom_id is None
        assert (await store.session()).custom_id is None


async def test_a_repeat_makes_nothing_new_and_a_late_create_nothing_at_all(database: Database) -> None:
    async with repositories(database) as store:
        first, second = SessionId(new_id()), SessionId(new_id())
        assert isinstance(await store.sessions.create(first, CreateSession(), store.soon()), SessionDocument)
        assert await store.sessions.create(first, CreateSession(), store.soon()) == "repeated"
        assert await store.sessions.create(second, CreateSession(), store.past()) == "late"
        assert await store.sessions.find(second) is None


async def test_what_a_caller_writes_is_never_evaluated(database: Database) -> None:
    async with repositories(database) as store:
        metadata = {"price": "$version", "text": "$ 5 fee", "$inc": {"version": 5}, "a.b": "$$NOW"}
        session = await store.session(metadata=metadata)
        assert session.metadata == metadata
        changed = await store.sessions.update(session.id, "c1", {"metadata": metadata}, store.soon(), None)
        assert changed is not None
        assert changed.document.metadata == metadata


async def test_an_update_counts_once_and_says_so(database: Database) -> None:
    async with repositories(database) as store:
        session = await store.session()
        change = await store.sessions.update(session.id, "c1", {"grace": 5}, store.soon(), session.version)
        assert change is not None
        assert change.document.settings.grace == 5
        assert change.document.version == session.version + 1
        assert [(n, e.type) for n, e in change.document.numbered()] == [(session.version + 1, "session-updated")]
        assert await store.sessions.update(session.id, "c1", {"grace": 6}, store.soon(), None) is None
        assert await store.sessions.update(session.id, "c2", {"grace": 6}, store.past(), None) is None
        assert await store.sessions.update(session.id, "c3", {"grace": 6}, store.soon(), session.version) is None
        now = await store.sessions.find(session.id)
        assert now is not None
        assert (now.settings.grace, now.version) == (5, session.version + 1)


async def test_a_close_happens_once_and_owes_its_clean_up(database: Database) -> None:
    async with repositories(database) as store:
        session = await store.session()
        changes = await asyncio.gather(*(store.sessions.close(session.id, "closed") for _ in range(10)))
        [change] = [change for change in changes if change is not None]
        assert [e.type for e in change.document.outbox] == ["session-closed"]
        assert [c.do for c in change.document.chores] == ["sweep-connections", "release-pipeline", "delete-session"]
        assert not await store.sessions.is_over(session.id, seconds=0)
        await store.sessions.pull_published(session.id, [e.id for e in change.document.outbox])
        await asyncio.sleep(0.05)
        assert await store.sessions.is_over(session.id, seconds=0)
        assert not await store.sessions.is_over(session.id, seconds=60)


async def test_deserted_sessions_are_due_after_their_own_time(database: Database) -> None:
    async with repositories(database) as store:
        at_once = await store.session(empty_timeout=0)
        later = await store.session(empty_timeout=60)
        taken = await store.session(empty_timeout=0, departure_timeout=60)
        await store.seated(taken.id, "p1")
        await asyncio.sleep(0.05)
        assert await store.sessions.due_to_close() == [(at_once.id, "empty")]
        assert await store.sessions.close_deserted(taken.id, "empty") is None
        assert await store.sessions.close_deserted(later.id, "empty") is None
        assert await store.sessions.close_deserted(at_once.id, "empty") is not None
        await store.seats.pull(taken.id, "p1", "left")
        assert await store.sessions.due_to_close() == []
        await store.sessions.update(taken.id, "c1", {"departure_timeout": 0}, store.soon(), None)
        await asyncio.sleep(0.05)
        assert await store.sessions.due_to_close() == [(taken.id, "departed")]


async def test_sessions_on_a_lost_server_are_found_and_lost_once(database: Database) -> None:
    async with repositories(database) as store:
        session = await store.session()
        placed = await store.media.place(session.id, 1, MediaRef("a", "pipe"), "process-1", "the only one")
        assert placed is not None
        assert await store.media.place(session.id, 1, MediaRef("b", "other"), "process-2", "late") is None
        assert await store.sessions.on_servers_lost({"a": "process-1"}) == []
        [down] = await store.sessions.on_servers_lost({"a": None})
        [other] = await store.sessions.on_servers_lost({"a": "process-2"})
        assert down.media == other.media == MediaRef("a", "pipe")
        losses = await asyncio.gather(*(store.media.lose(down, "gone") for _ in range(5)))
        [lost] = [loss for loss in losses if loss is not None]
        assert (lost.document.epoch, lost.document.media, lost.document.streams) == (2, None, [])
        assert lost.document.outbox[-1].data == {"epoch": 2, "reason": "gone"}


async def test_who_loses_many_at_once_is_given_time_to_tell_them(database: Database) -> None:
    async with repositories(database) as store:
        session = await store.session()
        await store.media.place(session.id, 1, MediaRef("a", "pipe"), "process-1", "the only one")
        session = await store.sessions.find(session.id) or session
        await store.sessions.pull_published(session.id, [entry.id for entry in session.outbox])
        lost = await store.media.lose(session, "media-server-lost", pipeline_lives=False, slack=60)
        assert lost is not None
        assert [chore.do for chore in lost.document.chores] == ["sweep-connections", "place"]
        assert len(lost.chores) == 2, "their maker does them at once"
        assert await store.sessions.overdue(age=0) == []
        [entry] = lost.document.outbox
        assert entry.first is not None
        assert abs((store.clock.now() - entry.first).total_seconds()) < 30, "it is told with the time when it happened"
        assert (entry.at - entry.first).total_seconds() == 60


async def test_the_sweep_is_won_by_one(database: Database) -> None:
    async with repositories(database) as store:
        session = await store.session()
        await store.sessions.update(session.id, "c1", {"grace": 5}, store.soon(), None)
        sessions = store.sessions
        assert await sessions.overdue(age=30) == []
        assert await sessions.claim_overdue(session.id, age=30) is None
        await asyncio.sleep(2.1)  # a claim holds three times as long, which no machine stands still
        assert await sessions.overdue(age=2) == [session.id]
        winners = await asyncio.gather(*(sessions.claim_overdue(session.id, age=2) for _ in range(5)))
        assert sum(won is not None for won in winners) == 1


async def test_what_is_put_off_waits_twice_as_long_and_says_since_when(database: Database) -> None:
    async with repositories(database) as store:
        start = store.clock.now()
        session, sessions = await store.session(), store.sessions
        await store.sessions.update(session.id, "c1", {"grace": 5}, store.soon(), None)
        await store.sessions.schedule_placement(session.id)
        before = await store.sessions.find(session.id)
        assert before is not None
        [event], [chore] = before.outbox, before.chores
        long_since = {"outbox.0.at": event.at - timedelta(seconds=9), "chores.0.at": chore.at - timedelta(seconds=90)}
        await store.database["sessions"].update_one({"_id": session.id}, {"$set": long_since})
        began = store.clock.now()
        await sessions.put_off_entries(session.id, [event.id, chore.id])
        late = (store.clock.now() - start).total_seconds()  # for so long as well it has waited by then
        assert await sessions.overdue(age=0) == []
        now = await store.sessions.find(session.id)
        assert now is not None
        [told], [owed] = now.outbox, now.chores
        assert (told.first, owed.first) == (long_since["outbox.0.at"], long_since["chores.0.at"])
        for entry, pause in ((told, 9), (owed, 30)):
            assert pause - 1 < (entry.at - began).total_seconds() < pause + 1 + 2 * late
        await sessions.make_due(["place"])
        await asyncio.sleep(0.01)
        assert await sessions.overdue(age=0) == [session.id]
        await sessions.put_off_entries(session.id, [chore.id], seconds=60)
        assert await sessions.overdue(age=0) == []


async def test_a_deserted_session_is_reckoned_anew_when_it_is_left_again(database: Database) -> None:
    async with repositories(database) as store:
        session = await store.session(empty_timeout=3600, departure_timeout=0)
        assert await store.sessions.due_to_close() == []
        await store.seated(session.id, "p1")
        await store.seats.pull(session.id, "p1", "left")
        await asyncio.sleep(0.05)
        assert await store.sessions.due_to_close() == [(session.id, "departed")]
        await store.sessions.put_off(session.id)
        assert await store.sessions.due_to_close() == []
        await store.sessions.update(session.id, "c1", {"departure_timeout": 3600}, store.soon(), None)
        assert await store.sessions.due_to_close() == []
        assert await store.sessions.close_deserted(session.id, "departed") is None
        await store.sessions.update(session.id, "c2", {"departure_timeout": 0}, store.soon(), None)
        assert await store.sessions.due_to_close() == [(session.id, "departed")]
