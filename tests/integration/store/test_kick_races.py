"""Kicks that race joins: an identity is never seated after both are answered (``KICK_ROUNDS``: how often)."""

import asyncio
import os
from typing import Any, cast

import pytest

from callplane.contracts.commands import Caller, Envelope, Leave
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import CommandId, ParticipantId, SessionId, new_id
from callplane.store.bans import Bans
from callplane.store.documents import Seat
from callplane.store.seats import Kick
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database
from wrapper.commands.leave import leave
from wrapper.context import Context

ROUNDS = int(os.environ.get("KICK_ROUNDS", "200"))
ADA = "web:ada"


class FollowUps:
    """What a kick owes is not done here: the seats are what is looked at."""

    def schedule(self, _change: object) -> None:
        """Leave it."""


class Scene:
    """A store, and of a wrapper what kicks use."""

    def __init__(self, store: Repositories) -> None:
        self.store = store
        self.follow_ups = FollowUps()

    async def sit(self, session: SessionId, seat: str, identity: str | None = ADA) -> bool:
        """Whether it could."""
        taken = Seat(id=ParticipantId(seat), identity=identity)
        return await self.store.seats.take(session, taken, CommandId(new_id()), self.store.soon()) is not None

    async def kick(self, session: SessionId, seat: str) -> None:
        """As the command does it."""
        body = Leave(participant_id=ParticipantId(seat), reason="kicked", kick=True)
        envelope = Envelope(
            id=CommandId(new_id()), session_id=session, caller=Caller(kind="key"), deadline=self.store.soon(), body=body
        )
        await leave(envelope, body, cast(Context, cast(Any, self)))

    async def seated(self, session: SessionId) -> list[str]:
        """Who sits there."""
        found = await self.store.sessions.find(session)
        assert found is not None
        return [seat.id for seat in found.participants]


async def test_an_identity_whose_kick_and_join_race_is_never_left_seated(database: Database) -> None:
    async with repositories(database, durable=False) as store:
        scene = Scene(store)
        won = 0
        for round_ in range(ROUNDS):
            session = (await store.session()).id
            assert await scene.sit(session, "first")

            async def late(session: SessionId = session, reads: int = round_ % 3) -> bool:
                # The kick reads once before it bans: earlier than that, beside it, later.
                for _ in range(reads):
                    await store.sessions.find(session)
                return await scene.sit(session, "second")

            _, sat = await asyncio.gather(scene.kick(session, "first"), late())
            won += sat
            assert await scene.seated(session) == [], f"round {round_}"
        assert 0 < won < ROUNDS, "one of the two was always first: this is no race"


async def test_a_kick_that_was_interrupted_is_ended_by_its_repeat(database: Database) -> None:
    """The process died after the ban, before the other seat was taken away; RabbitMQ gives the command again."""
    async with repositories(database) as store:
        scene, session = Scene(store), (await store.session()).id
        for seat in ("first", "second"):
            assert await scene.sit(session, seat)
        assert await scene.sit(session, "somebody else", "web:bob")
        await store.attachments.open(session, ParticipantId("first"), None)
        assert await store.seats.pull(session, ParticipantId("first"), "kicked", kick=Kick(ADA)) is not None
        await scene.kick(session, "first")
        assert await scene.seated(session) == ["somebody else"]


async def test_who_leaves_as_it_is_kicked_and_is_back_already_is_banned_all_the_same(database: Database) -> None:
    """Between the kick's read and its update the seat goes, replaced by a younger one of its identity."""
    async with repositories(database) as store:
        scene, session = Scene(store), (await store.session()).id
        await store.attachments.open(session, ParticipantId("first"), None)
        assert await scene.sit(session, "first")
        pull = store.seats.pull

        async def replaced_first(where: SessionId, seat: ParticipantId, *args: Any, **more: Any) -> Any:
            if seat == "first":
                assert await scene.sit(where, "second")
                assert await pull(where, seat, "replaced") is not None
            return await pull(where, seat, *args, **more)

        store.seats.pull = replaced_first  # type: ignore[method-assign]
        await scene.kick(session, "first")
        assert await scene.seated(session) == []
        assert not await scene.sit(session, "third")


async def test_a_ban_is_of_one_session_and_can_be_lifted(database: Database) -> None:
    async with repositories(database) as store:
        scene, bans = Scene(store), Bans(store.database)
        session, other = [(await store.session()).id for _ in range(2)]
        assert await scene.sit(session, "first")
        await scene.kick(session, "first")
        assert [ban.identity for ban in await bans.of_session(session)] == [ADA]
        assert not await scene.sit(session, "second")
        assert await scene.sit(other, "first")
        assert await scene.sit(session, "nobody in particular", None)
        await bans.lift(session, ADA)
        assert await bans.of_session(session) == []
        assert await scene.sit(session, "third")


async def test_who_never_sat_there_cannot_be_kicked(database: Database) -> None:
    async with repositories(database) as store:
        with pytest.raises(Refusal) as refusal:
            await Scene(store).kick((await store.session()).id, "nobody")
        assert refusal.value.problem.code == "not-found"
