"""Moderation that participants give and take: judged by the grants of that moment, however many do it at once."""

import asyncio
import random
from typing import Any, cast

import pytest

from callplane.contracts.commands import Caller, Envelope, GrantModeration, UpdateParticipant
from callplane.contracts.errors import Refusal, Trouble
from callplane.contracts.ids import CommandId, ParticipantId, SessionId, new_id
from callplane.contracts.shapes import GrantChanges, Role
from callplane.store.documents import Seat
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database
from wrapper.commands.update_participant import grant_moderation, update_participant
from wrapper.context import Context

ROUNDS = 30
PROMOTE, DEMOTE = {"role": "moderator"}, {"role": "publisher"}
ANN, BOB, CID, DAN = (ParticipantId(name) for name in ("ann", "bob", "cid", "dan"))


class FollowUps:
    """What a change owes is not done here."""

    def schedule(self, _change: Any) -> None:
        """Leave it."""


class Scene:
    """A session, and of a wrapper what a change of a seat uses."""

    def __init__(self, store: Repositories, session: SessionId) -> None:
        self.store, self.session = store, session
        self.follow_ups = FollowUps()

    async def seat(self, who: ParticipantId, role: Role = "publisher", named: GrantChanges | None = None) -> None:
        """As a join does it."""
        seat = Seat(id=who, role=role, grants=named, named=named)
        assert await self.store.seats.take(self.session, seat, CommandId(new_id()), self.store.soon()) is not None

    async def change(
        self, by: ParticipantId, whom: ParticipantId, changes: dict[str, Any], command: CommandId | None = None
    ) -> int | str:
        """The version that it has come to; or the code of a refusal."""
        lets = changes.get("role") == "moderator" or changes.get("grants", {}).get("moderate")
        body: Any = (GrantModeration if lets else UpdateParticipant)(participant_id=whom, changes=changes)
        envelope = Envelope(
            id=command or CommandId(new_id()),
            session_id=self.session,
            caller=Caller(kind="participant", participant_id=by),
            deadline=self.store.soon(),
            body=body,
        )
        context = cast(Context, cast(Any, self))
        handler: Any = grant_moderation if lets else update_participant
        try:
            return int((await handler(envelope, body, context)).version)
        except Refusal as refusal:
            return refusal.problem.code
        except Trouble:
            return "again"

    async def moderators(self) -> list[str]:
        """Who moderates."""
        found = await self.store.sessions.find(self.session)
        assert found is not None
        return [seat.id for seat in found.participants if seat.may.moderate]


async def scene_of(store: Repositories, *moderators: ParticipantId) -> Scene:
    """Ann, Bob and Cid, of whom these moderate."""
    scene = Scene(store, (await store.session()).id)
    for who in (ANN, BOB, CID):
        await scene.seat(who, "moderator" if who in moderators else "publisher")
    return scene


async def test_it_is_given_handed_on_and_taken_and_a_repeat_changes_nothing(database: Database) -> None:
    async with repositories(database, durable=False) as store:
        scene = await scene_of(store, ANN)
        assert await scene.change(BOB, CID, PROMOTE) == "forbidden"
        assert await scene.change(BOB, BOB, PROMOTE) == "forbidden"
        first = CommandId(new_id())
        assert await scene.change(ANN, BOB, PROMOTE, first) == 5
        found = await store.sessions.find(scene.session)
        assert found is not None
        version, told = found.numbered()[-1]
        assert (version, told.type, told.data["changes"]) == (5, "participant-updated", PROMOTE)
        assert await scene.change(BOB, CID, PROMOTE) == 6
        assert await scene.change(BOB, ANN, DEMOTE) == 7, "from anybody, however they came by it"
        assert await scene.change(ANN, BOB, PROMOTE, first) == 7, "a repeat is answered, whatever became of the giver"
        assert await scene.change(ANN, ANN, PROMOTE) == "forbidden"
        assert await scene.moderators() == [BOB, CID]


async def test_a_giver_that_has_gone_gives_nothing(database: Database) -> None:
    async with repositories(database, durable=False) as store:
        scene = await scene_of(store, ANN)
        await store.attachments.open(scene.session, ANN, None)
        await store.seats.pull(scene.session, ANN, "left")
        assert await scene.change(ANN, BOB, PROMOTE) == "join-again"
        assert await scene.moderators() == []


async def test_of_two_who_demote_each_other_one_is_left(database: Database) -> None:
    async with repositories(database, durable=False) as store:
        for round_ in range(ROUNDS):
            scene = await scene_of(store, ANN, BOB)
            said = await asyncio.gather(scene.change(ANN, BOB, DEMOTE), scene.change(BOB, ANN, DEMOTE))
            assert sorted(map(str, said)) == ["5", "forbidden"], f"round {round_}"
            assert len(await scene.moderators()) == 1


async def test_who_is_demoted_gives_nothing_any_more(database: Database) -> None:
    async with repositories(database, durable=False) as store:
        given = 0
        for round_ in range(ROUNDS):
            scene = await scene_of(store, ANN, BOB)
            gift, loss = await asyncio.gather(scene.change(BOB, CID, PROMOTE), scene.change(ANN, BOB, DEMOTE))
            assert isinstance(loss, int)
            assert gift == "forbidden" or (isinstance(gift, int) and gift < loss), f"round {round_}"
            assert (await scene.moderators() == [ANN, CID]) is isinstance(gift, int)
            given += isinstance(gift, int)
        assert given < ROUNDS, "the gift was always first: this is no race"


CHANGES: list[dict[str, Any]] = [
    PROMOTE,
    DEMOTE,
    {"role": "subscriber"},
    {"role": "moderator", "grants": {"publish": ["camera"]}},
    {"grants": {"moderate": True}},
    {"grants": {"moderate": False}},
    {"grants": {"publish": ["camera", "microphone"], "chat": True}},
    {"grants": {"publish": ["microphone"], "chat": False}},
]


@pytest.mark.parametrize("seed", range(2))
async def test_no_history_of_gifts_comes_to_more_than_the_first_had(database: Database, seed: int) -> None:
    """Whoever moderates has no more than the one moderator that a key has made, whoever else has what besides."""
    await history(database, random.Random(seed), 25)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 12))
async def test_nor_does_a_long_one(database: Database, seed: int) -> None:
    await history(database, random.Random(seed), 200)


async def history(database: Database, chance: random.Random, rounds: int) -> None:
    """Four people, who change each other and themselves at random and at once."""
    people = (ANN, BOB, CID, DAN)
    async with repositories(database, durable=False) as store:
        scene = await scene_of(store)
        first = GrantChanges(publish=["microphone"], chat=False)
        await scene.seat(DAN, "moderator", first)
        made = 0
        for round_ in range(rounds):
            asked = [(chance.choice(people), chance.choice(people), chance.choice(CHANGES)) for _ in range(4)]
            if not await scene.moderators():  # all were demoted: the key makes one again
                found = await store.database["sessions"].find_one({"_id": scene.session})
                assert found is not None
                as_at_first = {
                    "participants.$[one].role": "moderator",
                    "participants.$[one].grants": first.model_dump(),
                }
                await store.database["sessions"].update_one(
                    {"_id": scene.session}, {"$set": as_at_first}, array_filters=[{"one.id": DAN}]
                )
            await asyncio.gather(*(scene.change(*one) for one in asked))
            found = await store.sessions.find(scene.session)
            assert found is not None
            moderating = [seat for seat in found.participants if seat.may.moderate]
            made += any(seat.id != DAN for seat in moderating)
            for seat in moderating:
                assert set(seat.may.publish) <= {"microphone"}, f"round {round_}: {asked}"
                assert not seat.may.chat, f"round {round_}: {asked}"
        assert made, "nobody was ever let moderate: this tries nothing"
