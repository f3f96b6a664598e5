"""Shared state in the database: keys are set side by side, one caller of several gets in between, and it has bounds."""

import asyncio
from typing import Any

import pytest

from callplane.contracts.bounds import STATE_BYTES, STATE_KEYS
from callplane.contracts.ids import CommandId, ParticipantId, SessionId, new_id
from callplane.store.documents import SessionDocument
from callplane.store.shared_state import StateGuard
from callplane.store.views import shared_state
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database

STRANGE: list[Any] = [
    *(0, 2**70, -1.5, True, "", "$a.b", "\0", [], {}, [None]),
    {"$ref": "x", "$id": 1},
    {"a.b": {"$set": {"\0": None}}, "json": "text", "": [{"$x": 2**64}]},
]


async def put(
    store: Repositories, session: SessionId, key: str, value: Any, seen: int | None = None, **guard: Any
) -> bool:
    """Whether it was set."""
    given = {"command_id": CommandId(new_id()), "deadline": store.soon(), "if_version": seen, **guard}
    return await store.shared_state.set(session, key, value, StateGuard(**given)) is not None


async def shared(store: Repositories, session: SessionId) -> SessionDocument:
    found = await store.shared_state.read(session)
    assert found is not None
    return found


async def test_keys_that_are_set_at_once_are_all_there_each_since_a_version_of_its_own(database: Database) -> None:
    async with repositories(database) as store:
        session = (await store.session()).id
        done = await asyncio.gather(*(put(store, session, f"key-{n % 10}", n) for n in range(40)))
        found = await store.sessions.find(session)
        assert found is not None
        assert (all(done), found.version, len(found.outbox)) == (True, 41, 40)
        # What stands there is what the event of its version says.
        told = {version: (entry.data["key"], entry.data["value"]) for version, entry in found.numbered()}
        state = shared_state(found)
        assert state.keys() == {f"key-{n}" for n in range(10)}
        for key, entry in state.items():
            assert told[entry.version] == (key, entry.value)
            assert entry.version == max(version for version, (which, _) in told.items() if which == key)


async def test_of_several_who_have_seen_the_same_one_gets_in_and_nothing_is_counted_twice(database: Database) -> None:
    async with repositories(database, durable=False) as store:
        session = (await store.session()).id
        assert sum(await asyncio.gather(*(put(store, session, "n", 0, 0) for _ in range(10)))) == 1

        async def one_more() -> None:
            while True:
                [entry] = (await shared(store, session)).state
                if await put(store, session, "n", entry.value + 1, entry.version):
                    return

        await asyncio.gather(*(one_more() for _ in range(12)))
        assert shared_state(await shared(store, session))["n"].value == 12
        # Taken away and set again it is another: its version never comes back.
        before = (await shared(store, session)).version_of("n")
        assert await put(store, session, "n", None, before)
        assert await put(store, session, "n", 12, 0)
        assert not await put(store, session, "n", 13, before)


async def test_any_json_comes_back_as_it_was(database: Database) -> None:
    async with repositories(database, durable=False) as store:
        session = (await store.session()).id
        for number, value in enumerate(STRANGE):
            assert await put(store, session, f"k{number}", value), value
        state = shared_state(await shared(store, session))
        assert [state[f"k{number}"].value for number in range(len(STRANGE))] == STRANGE


async def test_what_is_late_repeated_not_there_or_from_who_has_left_changes_nothing(database: Database) -> None:
    async with repositories(database) as store:
        session, command = (await store.session()).id, CommandId(new_id())
        assert not await put(store, session, "a", 1, deadline=store.past())
        assert await put(store, session, "a", 1, command_id=command)
        assert not await put(store, session, "a", 2, command_id=command)
        assert not await put(store, session, "a", 2, participant_id=ParticipantId("ann"))
        await store.seated(session, ParticipantId("ann"))
        assert await put(store, session, "a", 2, participant_id=ParticipantId("ann"))
        assert not await put(store, session, "b", None)
        assert not await put(store, session, "a", None, 0)
        await store.sessions.close(session, "over")
        assert not await put(store, session, "a", 3)
        found = await shared(store, session)
        assert (shared_state(found)["a"].value, found.version) == (2, 5)


async def test_there_are_so_many_keys_and_so_many_bytes(database: Database) -> None:
    async with repositories(database, durable=False) as store:
        many, long = [(await store.session()).id for _ in range(2)]
        for n in range(STATE_KEYS):
            assert await put(store, many, f"key-{n}", n)
        assert not await put(store, many, "another", 1)
        assert not await store.shared_state.fits(many, "another", 1)
        assert await put(store, many, "key-7", "otherwise")
        assert await put(store, many, "key-7", None)
        assert await put(store, many, "another", 1)
        size = STATE_BYTES // 8 - 60
        fitting = [await put(store, long, f"key-{n}", "x" * size) for n in range(9)]
        assert fitting == [True] * 8 + [False]
        assert await put(store, long, "key-3", "y" * size)
        assert not await store.shared_state.fits(long, "key-3", "z" * (size + 1000))


@pytest.mark.parametrize("there", [{"$unset": {"state": ""}}, {"$set": {"state": []}}])
async def test_sessions_of_before_have_none_and_may_have_some(database: Database, there: dict[str, Any]) -> None:
    async with repositories(database) as store:
        session = (await store.session()).id
        await store.database["sessions"].update_one({"_id": session}, there)
        assert (await shared(store, session)).state == []
        assert await put(store, session, "a", 1, 0)
        assert shared_state(await shared(store, session))["a"].version == 2
