"""Batched pulls: one command for what is done of many documents, and for each the truth about its own."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

import pytest

from callplane.contracts.errors import Trouble
from callplane.contracts.ids import CommandId, ConnectionId, ParticipantId, SessionId
from callplane.store.connections import Wanted
from callplane.store.documents import Seat
from callplane.store.mongo.commands import Commands
from callplane.store.versioned_updates import Pulled
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database


async def owing(store: Repositories, number: int, seats: int = 1) -> list[tuple[SessionId, list[str]]]:
    """Sessions, each with the ids of the events that it has to tell."""
    owed = []
    for _ in range(number):
        session = (await store.session()).id
        for seat in range(seats):
            await store.seated(session, f"{session}{seat}")
        found = await store.sessions.find(session)
        assert found is not None
        owed.append((session, [entry.id for entry in found.outbox]))
    return owed


async def pull_all(store: Repositories, session: SessionId, ids: list[str], *more: Any) -> bool:
    """Whether they are out."""
    out, found = await store.sessions.pull_all_published(session, ids, *more)
    if found is not None:
        assert not out
        assert found == await store.sessions.with_events(session)
    return out


async def together(monkeypatch: pytest.MonkeyPatch, *pulls: Awaitable[Any]) -> tuple[list[Any], list[int]]:
    """What comes of pulls that are begun at once, and of how many documents each update was."""
    sizes: list[int] = []
    send = Commands._sent

    async def counted(self: Commands, command: dict[str, Any]) -> Any:
        sizes.extend([len(command["updates"])] if "updates" in command else [])
        return await send(self, command)

    with monkeypatch.context() as patch:
        patch.setattr(Commands, "_sent", counted)
        return await asyncio.gather(*pulls, return_exceptions=True), sizes


async def left(store: Repositories, sessions: Sequence[SessionId]) -> list[list[str]]:
    found = [await store.sessions.find(session) for session in sessions]
    return [[entry.id for entry in one.outbox] for one in found if one is not None]


async def test_events_and_chores_of_several_go_with_two_commands(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with repositories(database) as store:
        owed = await owing(store, 5)
        await store.sessions.schedule_placement(owed[0][0])
        found = await store.sessions.find(owed[0][0])
        assert found is not None
        chores = store.sessions.pull_chores(owed[0][0], Pulled((found.chores[0].id,)))
        events = [pull_all(store, session, ids) for session, ids in owed]
        outcomes, sizes = await together(monkeypatch, *events, chores)
        assert outcomes == [True] * 6
        assert sizes in ([6], [1, 5])
        assert await left(store, [session for session, _ in owed]) == [[]] * 5


async def test_who_does_not_match_is_told_so_and_the_others_are_out(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with repositories(database) as store:
        owed = await owing(store, 4, seats=2)
        first, more, taken, last = owed
        await store.sessions.pull_published(taken[0], taken[1])  # by another, which looks at what is left
        pulls = [
            pull_all(store, *first),
            pull_all(store, more[0], more[1][:1]),
            pull_all(store, *taken),
            pull_all(store, *last),
            pull_all(store, SessionId("none"), ["x"]),
        ]
        outcomes, _ = await together(monkeypatch, *pulls)
        assert outcomes == [True, False, True, True, True]
        assert await left(store, [one[0] for one in owed]) == [[], more[1], [], []]


async def test_chores_that_may_not_go_keep_their_events(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async with repositories(database) as store:
        owed = await owing(store, 3)
        session, ids = owed[1]
        await store.sessions.schedule_placement(session)
        found = await store.sessions.find(session)
        assert found is not None
        elsewhere = {"participants.id": "somebody else"}

        class Shown:
            """What the session does not show."""

            def still(self) -> dict[str, Any]:
                """A filter."""
                return elsewhere

        done = Pulled((found.chores[0].id,), (Shown(),))  # type: ignore[arg-type]
        both = pull_all(store, session, ids, None, done)
        others = [pull_all(store, *one) for one in (owed[0], owed[2])]
        outcomes, _ = await together(monkeypatch, *others, both, store.sessions.pull_chores(session, done))
        assert outcomes == [True, True, False, False]
        assert await left(store, [one[0] for one in owed]) == [[], ids, []]


async def test_the_server_refuses_one_and_the_others_hear_of_their_own(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with repositories(database) as store:
        owed = await owing(store, 4)
        where = {"_id": owed[1][0]}
        await store.database["sessions"].update_one(where, {"$set": {"chores": "no list"}})
        pulls = [store.sessions.pull_chores(session, Pulled(("x",))) for session, _ in owed[:2]]
        pulls += [pull_all(store, *one) for one in owed[2:]]
        outcomes, _ = await together(monkeypatch, *pulls)
        assert [outcomes[0], *outcomes[2:]] == [True] * 3
        assert isinstance(outcomes[1], Trouble)
        assert await left(store, [one[0] for one in owed[2:]]) == [[], []]


async def test_two_take_out_the_same_and_what_is_new_stays(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another carrier at the same time, and a new event: that stands, and one of them is told so or its maker is."""
    async with repositories(database) as store:
        for _ in range(10):
            (session, ids), beside, other = await owing(store, 3)
            pulls = [
                pull_all(store, *beside),
                pull_all(store, session, ids),
                store.sessions.pull_published(session, ids),
                pull_all(store, *other),
                store.seats.take(session, Seat(id=ParticipantId(f"late in {session}")), CommandId("c"), store.soon()),
            ]
            outcomes, _ = await together(monkeypatch, *pulls)
            assert (outcomes[0], outcomes[3]) == (True, True)
            change = outcomes[4]
            remains = (await left(store, [session]))[0]
            assert remains == [change.document.outbox[-1].id]
            seen = outcomes[2] is not None and [entry.id for entry in outcomes[2].outbox] == remains
            assert change.publishes or seen or outcomes[1] is False


async def test_seats_that_go_at_once_are_swept_together_and_each_hears_of_its_own(database: Database) -> None:
    async with repositories(database) as store:
        session = (await store.session()).id
        seats = [ParticipantId(f"seat {number}") for number in range(4)]
        for number, seat in enumerate(seats):
            await store.seated(session, seat)
            await store.attachments.open(session, seat)
            if number % 2:
                await store.connections.offer(Wanted(ConnectionId(f"c{number}"), session, seat, "publish"))
        for _ in range(2):  # also when it is done again
            swept = await asyncio.gather(*(store.connections.release_of_seat(session, seat) for seat in seats))
            assert [[one.id for one in of_seat] for of_seat in swept] == [[], ["c1"], [], ["c3"]]
        reasons: list[Any] = ["left", "kicked", "left", "grace-expired"]
        await asyncio.gather(*map(store.attachments.end_with_seat, seats, reasons))
        ended = [await store.attachments.read(seat) for seat in seats]
        assert [(one.state, one.reason) for one in ended if one is not None] == [("ended", one) for one in reasons]
