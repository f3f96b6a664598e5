"""Kicks that race joins: an identity is never seated after both are answered (``KICK_ROUNDS``: how often)."""

import asyncio
import os
from typing import Any, cast

import pytest

from callplane.contracts.commands import Caller, Envelope, Join, Leave
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import CommandId, ParticipantId, SessionId, new_id, participant_made_by
from callplane.store.bans import Bans
from callplane.store.documents import Seat
from callplane.store.seats import Kick
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database
from wrapper.commands.join import _take_seat
from wrapper.commands.leave import leave
from wrapper.context import Context

ROUNDS = int(os.environ.get("KICK_ROUNDS", "60"))
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

    async def join(self, session: SessionId) -> bool:
        """Whether a new seat was taken, as the command does it."""
        command, body = CommandId(new_id()), Join(identity=ADA)
        envelope = Envelope(
            id=command, session_id=session, caller=Caller(kind="key"), deadline=self.store.soon(), body=body
        )
        try:
            await _take_seat(envelope, body, participant_made_by(command), cast(Context, cast(Any, self)))
        except Refusal:
            return False
        return True

    async def kick(self, session: SessionId, seat: str, *, ban: bool = True) -> None:
        """As the command does it."""
        body = Leave(participant_id=ParticipantId(seat), reason="kicked", kick=ban)
        envelope = Envelope(
            id=CommandId(new_id()), session_id=session, caller=Caller(kind="key"), deadline=self.store.soon(), body=body
        )
        await leave(envelope, body, cast(Context, cast(Any, self)))

    async def seated(self, session: SessionId) -> list[str]:
        """Who sits there."""
        found = await self.store.sessions.find(session)
        assert found is not None
        return [seat.id for seat in found.participants]


@pytest.mark.parametrize("duplicates", ["allow", "replace", "refuse"])
async def test_an_identity_whose_kick_and_join_race_is_never_left_seated(database: Database, duplicates: str) -> None:
    await race(database, duplicates, ROUNDS)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("duplicates", ["allow", "replace", "refuse"])
async def test_nor_is_it_in_a_thousand_rounds(database: Database, duplicates: str) -> None:
    await race(database, duplicates, 1000)


async def race(database: Database, duplicates: str, rounds: int) -> None:
    """So often a kick and a join of the same identity, in a session that has no second place in every other round."""
    async with repositories(database, durable=False) as store:
        scene = Scene(store)
        won = 0
        for round_ in range(rounds):
            places = 1 if duplicates == "replace" and round_ % 2 else 10
            session = (await store.session(duplicates=duplicates, max_participants=places)).id
            first = f"first {round_}"
            assert await scene.sit(session, first)
            await store.attachments.open(session, ParticipantId(first), None)

            async def late(session: SessionId = session, reads: int = round_ % 5) -> bool:
                # The kick reads once before it bans: earlier than that, beside it, later.
                for _ in range(reads):
                    await store.sessions.find(session)
                return await scene.join(session)

            async def kick(session: SessionId = session, first: str = first, reads: int = -round_ % 5) -> None:
                for _ in range(reads):
                    await store.sessions.find(session)
                await scene.kick(session, first)

            _, sat = await asyncio.gather(kick(), late())
            won += sat
            assert await scene.seated(session) == [], f"round {round_}"
            assert not await scene.join(session), f"round {round_}: it is banned, whoever was first"
        # Where a second seat is refused it has to wait for the first one's end, and that is the ban.
        assert won == 0 if duplicates == "refuse" else 0 < won < rounds, "one of the two was always first: no race"


async def test_who_kicks_a_seat_that_was_replaced_means_its_identity(database: Database) -> None:
    async with repositories(database) as store:
        scene, session = Scene(store), (await store.session(duplicates="replace")).id
        assert await scene.sit(session, "first")
        await store.attachments.open(session, ParticipantId("first"), None)
        assert await scene.join(session)
        for _ in range(2):
            await scene.kick(session, "first")
            assert await scene.seated(session) == []
        assert not await scene.join(session)
        await Bans(store.database).lift(session, ADA)
        assert await scene.join(session)


async def test_a_kick_that_was_interrupted_is_ended_by_its_repeat(database: Database) -> None:
    """The process died after the ban, before the other seat was taken away; RabbitMQ gives the command again."""
    async with repositories(database) as store:
        scene, session = Scene(store), (await store.session()).id
        for seat in ("first", "second"):
            assert await scene.sit(session, seat)
        assert await scene.sit(session, "somebody else", "web:bob")
        await store.attachments.open(session, ParticipantId("first"), None)
        assert await store.seats.pull(session, ParticipantId("first"), "kicked", why=Kick(ADA)) is not None
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


async def test_who_is_only_shown_out_may_come_back_at_once(database: Database) -> None:
    """``?ban=false``; a second seat of the identity is not meant by it."""
    async with repositories(database) as store:
        scene, session = Scene(store), (await store.session()).id
        for seat in ("first", "second"):
            assert await scene.sit(session, seat)
        await store.attachments.open(session, ParticipantId("first"), None)
        for _ in range(2):
            await scene.kick(session, "first", ban=False)
            assert await scene.seated(session) == ["second"]
        assert await Bans(store.database).of_session(session) == []
        assert await scene.join(session)
        assert len(await scene.seated(session)) == 2
        await scene.kick(session, "second")
        assert await scene.seated(session) == []
        assert not await scene.join(session)


async def test_who_never_sat_there_cannot_be_kicked(database: Database) -> None:
    async with repositories(database) as store:
        with pytest.raises(Refusal) as refusal:
            await Scene(store).kick((await store.session()).id, "nobody")
        assert refusal.value.problem.code == "not-found"
