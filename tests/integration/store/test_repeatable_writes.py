"""Writes of which the server remembers nothing: with their answer lost, or never sent, they have happened once."""

import asyncio
from collections.abc import Callable
from typing import Any, Literal

import pytest
from pymongo.errors import AutoReconnect, DuplicateKeyError

from callplane.contracts.commands import CreateSession
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.messages import session_updated
from callplane.store.mongo.commands import Commands
from callplane.store.versioned_updates import Pulled
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database

Lost = Literal["before", "after"]
ANN, S = ParticipantId("ann"), SessionId("s")
_Patch = pytest.MonkeyPatch


def lose(patch: _Patch, when: Lost, failure: Callable[[], Exception] = lambda: AutoReconnect("lost")) -> list[str]:
    """The connection goes with the first command, before it is sent or before its answer comes; what was sent."""
    sent: list[str] = []
    send = Commands._sent

    async def losing(self: Commands, command: dict[str, Any]) -> Any:
        sent.append(next(iter(command)))
        if len(sent) > 1:
            return await send(self, command)
        if when == "after":
            await send(self, command)
        raise failure()

    patch.setattr(Commands, "_sent", losing)
    return sent


async def outbox(store: Repositories, session: SessionId) -> list[str]:
    found = await store.sessions.find(session)
    assert found is not None
    return [entry.id for entry in found.outbox]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_change_has_happened_once_and_its_maker_knows(
    database: Database, monkeypatch: _Patch, when: Lost
) -> None:
    async with repositories(database) as store:
        session = await store.session()
        updates = store.sessions._updates
        sent = lose(monkeypatch, when)
        # Nothing in the session keeps this update from happening again.
        change = await updates.change({"_id": session.id}, {"$inc": {"peak": 1}}, session_updated({}))
        assert sent[:2] == ["findAndModify"] * 2
        assert change is not None
        assert (change.document.peak, change.document.version) == (1, session.version + 1)
        assert await outbox(store, session.id) == [entry.id for entry in change.document.outbox]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_session_is_made_once(database: Database, monkeypatch: _Patch, when: Lost) -> None:
    async with repositories(database) as store:
        lose(monkeypatch, when)
        made = await store.sessions.create(S, CreateSession(custom_id="c"), store.soon())
        assert made == "repeated" if when == "after" else not isinstance(made, str)
        assert await store.database["sessions"].count_documents({}) == 1


@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_attachment_is_made_once_and_ends_once(database: Database, monkeypatch: _Patch, when: Lost) -> None:
    async with repositories(database) as store:
        with monkeypatch.context() as patch:
            lose(patch, when)
            opened = await store.attachments.open(S, ANN)
        assert opened is not None
        assert opened == await store.attachments.read(ANN)
        with monkeypatch.context() as patch:
            lose(patch, when)
            await store.attachments.end_with_seat(ANN, "left")
        ended = await store.attachments.read(ANN)
        assert ended is not None
        assert (ended.state, ended.reason) == ("ended", "left")


@pytest.mark.parametrize("when", ["before", "after"])
async def test_what_was_told_is_taken_out(database: Database, monkeypatch: _Patch, when: Lost) -> None:
    async with repositories(database) as store:
        session = await store.session()
        await store.seated(session.id, ANN)
        entries = await outbox(store, session.id)
        lose(monkeypatch, when)
        # After a lost answer they are not all that stands there: none of them does.
        assert (await store.sessions.pull_all_published(session.id, entries))[0] is (when == "before")
        assert await outbox(store, session.id) == []


async def test_a_second_loss_and_one_for_want_of_time_are_told(database: Database, monkeypatch: _Patch) -> None:
    async with repositories(database) as store:
        sent: list[str] = []

        async def away(_self: Commands, command: dict[str, Any]) -> Any:
            sent.append(next(iter(command)))
            raise AutoReconnect("lost")

        with monkeypatch.context() as patch:
            patch.setattr(Commands, "_sent", away)
            with pytest.raises(Unavailable):
                await store.attachments.end_with_seat(ANN, "left")
        assert sent == ["update"] * 2
        sent = lose(monkeypatch, "before", lambda: _Late("late"))
        with pytest.raises(Unavailable):
            await store.attachments.end_with_seat(ANN, "left")
        assert sent == ["update"], "its time is over"


class _Late(AutoReconnect):
    """Of which PyMongo says that the time of the operation is over."""

    @property
    def timeout(self) -> bool:
        """Whether it is."""
        return True


@pytest.mark.parametrize(("when", "outcome"), [("before", "inserted"), ("after", "double")])
async def test_what_is_inserted_is_there_once(
    database: Database, monkeypatch: _Patch, when: Lost, outcome: str
) -> None:
    async with repositories(database) as store:
        things = store.database["things"]
        with monkeypatch.context() as patch:
            lose(patch, when)
            assert await things.insert_each([{"_id": n} for n in range(3)]) == [outcome] * 3
        assert await things.insert_each([{"_id": n} for n in (2, 3)]) == ["double", "inserted"]
        assert await things.count_documents({}) == 4


async def test_what_one_message_does_not_hold_goes_and_comes_with_several(database: Database) -> None:
    async with repositories(database, durable=False) as store:
        things, text = store.database["things"], "x" * 1_000_000
        assert await things.insert_each([{"_id": n, "text": text} for n in range(20)]) == ["inserted"] * 20
        assert [one["_id"] async for one in things.find({}).sort("_id", -1)] == list(range(19, -1, -1))
        assert [one["_id"] async for one in things.find({}).sort("_id", 1).limit(18)] == list(range(18))
        assert [one["_id"] async for one in things.find({"_id": {"$gt": 17}}, {"_id": 1}).sort("_id", 1)] == [18, 19]


async def test_what_the_server_says_against_one_of_several_is_raised(database: Database) -> None:
    async with repositories(database) as store:
        things = store.database["attachments"]
        await things.insert_one({"_id": "a", "session_id": "s"})
        with pytest.raises(DuplicateKeyError):
            await things.find_one_and_update_repeatable({"_id": "a", "x": 1}, {"$set": {"y": 1}}, upsert=True)
        with pytest.raises(Exception, match="the database said"):
            await things.update_repeatable(({"_id": "a"}, {"$inc": {"session_id": 1}}))
        assert (
            await things.update_repeatable(({"_id": "a"}, {"$set": {"y": 1}}), ({"_id": "b"}, {"$set": {"y": 1}})) == 1
        )


async def test_events_go_with_one_update_where_they_are_all_that_waits(database: Database) -> None:
    async with repositories(database) as store:
        sessions, session = store.sessions, (await store.session()).id
        for seat in ("ann", "bo", "cy"):
            await store.seated(session, seat)
        one, two, three = entries = await outbox(store, session)
        for some in ([one], [one, two], [two, three], [two], []):
            assert await sessions.pull_all_published(session, some) == (False, None)
        assert await outbox(store, session) == entries
        await sessions.pull_published(session, [one])
        assert not (await sessions.pull_all_published(session, entries))[0], "one of them is out"
        await store.database["sessions"].update_one(
            {"_id": session}, {"$set": {"chores": [{"id": id_, "do": "x", "with": {}} for id_ in ("c", "d")]}}
        )
        assert (await sessions.pull_all_published(session, [two, three], {"peak": 9}, Pulled(("c",))))[0]
        found = await store.database["sessions"].find_one({"_id": session})
        assert found is not None
        assert ([one["id"] for one in found["chores"]], found["outbox"], found["peak"]) == (["d"], [], 9)


async def test_several_are_claimed_together_and_each_by_one(database: Database) -> None:
    async with repositories(database) as store:
        sessions, ids = store.sessions, []
        for _ in range(6):
            session = await store.session()
            await store.seated(session.id, ANN + session.id)
            ids.append(str(session.id))
        age = 1.0  # a claim stands for three times as long, and is not to end while a busy machine works on this
        await asyncio.sleep(age + 0.05)
        first = await sessions.claim_overdue(ids[0], age)
        assert first is not None
        many = await asyncio.gather(*(sessions.claim_overdue_among([*ids, "unknown"], age) for _ in range(4)))
        won = [id_ for claimed in many for id_, document in claimed.items() if document is not None]
        assert sorted(won) == sorted(ids[1:])
        assert all(set(claimed) == {*ids, "unknown"} for claimed in many)


async def test_done_chores_of_several_go_together(database: Database) -> None:
    async with repositories(database) as store:
        ids = [(await store.session()).id for _ in range(5)]
        for id_ in ids:
            await store.sessions.schedule_placement(id_)
        found = [await store.sessions.find(id_) for id_ in ids]
        done = [(one.id, one.chores[0].id) for one in found if one is not None]
        assert all(await asyncio.gather(*(store.sessions.pull_chores(id_, Pulled((chore,))) for id_, chore in done)))
        left = [await store.sessions.find(id_) for id_ in ids]
        assert [one.chores for one in left if one is not None] == [[]] * 5
