"""Duplicates: joins of one identity that race have the one outcome that the session wants."""

import asyncio
from typing import Any, cast

import pytest

from callplane.contracts.commands import Caller, Envelope, Join
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import CommandId, ParticipantId, SessionId, new_id, participant_made_by
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database
from wrapper.commands.join import _take_seat
from wrapper.context import Context

ROUNDS = 15
ADA = "web:ada"


class FollowUps:
    """What a seat that goes owes is not done here: the seats are what is looked at."""

    def schedule(self, _change: object) -> None:
        """Leave it."""


class Scene:
    """A store, and of a wrapper what joins use to take a seat."""

    def __init__(self, store: Repositories) -> None:
        self.store = store
        self.follow_ups = FollowUps()

    async def join(self, session: SessionId, identity: str | None = ADA, id_: str = "") -> ParticipantId | None:
        """Who was seated; None: refused."""
        body, command = Join(identity=identity), CommandId(id_ or new_id())
        envelope = Envelope(
            id=command, session_id=session, caller=Caller(kind="key"), deadline=self.store.soon(), body=body
        )
        seat = participant_made_by(command)
        try:
            await _take_seat(envelope, body, seat, cast(Context, cast(Any, self)))
        except Refusal as refusal:
            assert refusal.problem.reason in ("already-joined", None)
            return None
        return seat

    async def seated(self, session: SessionId) -> list[str]:
        """Who sits there."""
        found = await self.store.sessions.find(session)
        assert found is not None
        return [seat.id for seat in found.participants]


@pytest.mark.parametrize("duplicates", ["allow", "replace", "refuse"])
async def test_joins_of_one_identity_that_race(database: Database, duplicates: str) -> None:
    async with repositories(database, durable=False) as store:
        scene = Scene(store)
        for round_ in range(ROUNDS):
            session = (await store.session(duplicates=duplicates)).id
            assert await scene.join(session, "web:bob")
            joined = [one for one in await asyncio.gather(*(scene.join(session) for _ in range(4))) if one]
            left = (await scene.seated(session))[1:]
            assert set(left) <= set(joined)
            assert len(left) == (4 if duplicates == "allow" else 1), f"round {round_}"
            assert len(joined) == (1 if duplicates == "refuse" else 4)


async def test_nobody_in_particular_is_no_duplicate(database: Database) -> None:
    async with repositories(database) as store:
        scene = Scene(store)
        for duplicates in ("replace", "refuse"):
            session = (await store.session(duplicates=duplicates)).id
            for _ in range(2):
                assert await scene.join(session, None)
            assert len(await scene.seated(session)) == 2


async def test_a_place_in_a_full_session_is_the_identitys_own(database: Database) -> None:
    async with repositories(database) as store:
        scene, session = Scene(store), (await store.session(duplicates="replace", max_participants=1)).id
        assert await scene.join(session)
        assert await scene.join(session, "web:bob") is None
        again = await scene.join(session)
        assert await scene.seated(session) == [again]


async def test_a_join_that_was_interrupted_is_ended_by_its_repeat(database: Database) -> None:
    """The process died after the seat was taken, before the other one was taken away."""
    async with repositories(database) as store:
        scene, session = Scene(store), (await store.session(duplicates="allow")).id
        for command in ("first", "second"):
            assert await scene.join(session, id_=command)
        await store.database["sessions"].update_one({"_id": session}, {"$set": {"settings.duplicates": "replace"}})
        second = await scene.join(session, id_="second")
        assert await scene.seated(session) == [second]
        assert await scene.join(session, id_="second") == second
        assert await scene.seated(session) == [second], "whose repeat takes nothing away"


async def test_the_repeat_of_a_join_whose_seat_was_replaced_takes_nobodys_place(database: Database) -> None:
    """RabbitMQ gives a command again after its wrapper died; meanwhile a younger join has taken the place."""
    async with repositories(database) as store:
        scene, session = Scene(store), (await store.session(duplicates="replace", max_participants=1)).id
        assert await scene.join(session, id_="first")
        younger = await scene.join(session, id_="second")
        assert await scene.seated(session) == [younger]
        assert await scene.join(session, id_="first") is None
        assert await scene.seated(session) == [younger]
        assert await scene.join(session, id_="second") == younger, "whose own repeat finds its seat"
