"""Hidden seats: they come and go and nobody is told; nothing seats one whom a kick, or the end, was first to reach."""

import asyncio
from typing import Any, cast

import pytest

from callplane.contracts.bounds import HIDDEN_SEATS
from callplane.contracts.commands import Caller, Envelope, JoinHidden, Leave, UpdateParticipant
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import CommandId, ParticipantId, SessionId, new_id, participant_made_by
from callplane.contracts.registry import AnyCommand
from callplane.store.documents import SessionDocument
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database
from wrapper.commands.join import _take_seat
from wrapper.commands.leave import leave
from wrapper.commands.update_participant import update_participant
from wrapper.context import Context

ADA = "web:ada"


class FollowUps:
    """What a seat that goes owes is not done here; whether anything would be told is noted."""

    def __init__(self) -> None:
        self.told = 0

    def schedule(self, change: Any) -> None:
        """Leave it."""
        self.told += change is not None and change.publishes


class Scene:
    """A store, and of a wrapper what taking a seat and giving it up use."""

    def __init__(self, store: Repositories) -> None:
        self.store = store
        self.follow_ups = FollowUps()

    @property
    def context(self) -> Context:
        """As handlers are given it."""
        return cast(Context, cast(Any, self))

    def envelope(self, session: SessionId, body: AnyCommand, command: CommandId | None = None) -> Envelope:
        """A command by a key."""
        return Envelope(
            id=command or CommandId(new_id()),
            session_id=session,
            caller=Caller(kind="key"),
            deadline=self.store.soon(),
            body=body,
        )

    async def hide(
        self, session: SessionId, identity: str | None = ADA, command: CommandId | None = None
    ) -> ParticipantId | str:
        """Who sits there hidden now; or the code, or the reason, of a refusal."""
        body = JoinHidden(identity=identity)
        envelope = self.envelope(session, body, command)
        seat = participant_made_by(envelope.id)
        try:
            await _take_seat(envelope, body, seat, self.context)
        except Refusal as refusal:
            problem = refusal.problem
            return problem.reason or problem.code if problem.code == "wrong-state" else problem.code
        await self.store.attachments.open(session, seat, None)
        return seat

    async def kick(self, session: SessionId, seat: str) -> None:
        """As the command does it."""
        body = Leave(participant_id=ParticipantId(seat), reason="kicked", kick=True)
        await leave(self.envelope(session, body), body, self.context)

    async def now(self, session: SessionId) -> SessionDocument:
        """The session."""
        found = await self.store.sessions.find(session)
        assert found is not None
        return found

    async def hidden(self, session: SessionId) -> list[str]:
        """Who sits there hidden."""
        return [seat.id for seat in (await self.now(session)).hidden]


async def test_it_comes_and_goes_and_the_session_is_as_it_was(database: Database) -> None:
    async with repositories(database) as store:
        scene, session = Scene(store), (await store.session(max_participants=1)).id
        await store.seated(session, ParticipantId("bob"))
        before = await scene.now(session)
        command = CommandId(new_id())
        seats = {await scene.hide(session, None, command) for _ in range(2)}
        [seat] = seats
        found = await store.sessions.with_seat(session, ParticipantId(seat))
        assert found is not None
        assert found.any_seat(ParticipantId(seat)) is not None
        assert found.seat(ParticipantId(seat)) is None
        roster = await store.sessions.roster(session)
        assert roster is not None
        assert [one.id for one in roster.participants] == ["bob"]
        assert roster.any_seat(ParticipantId(seat)) is not None
        body = Leave(participant_id=ParticipantId(seat))
        for _ in range(2):
            await leave(scene.envelope(session, body), body, scene.context)
        after = await scene.now(session)
        assert (after.hidden, after.participants) == ([], before.participants)
        assert (after.version, after.outbox, after.seats_counted) == (before.version, before.outbox, 1)
        assert {chore.do for chore in after.chores} == {"sweep-connections", "end-mailbox"}
        assert scene.follow_ups.told == 0, "bob's event is told by who seated him"
        assert await scene.hide(session, None, command) == "join-again", "a repeat whose seat has gone takes none"


async def test_it_keeps_no_session_open(database: Database) -> None:
    async with repositories(database) as store:
        scene, session = Scene(store), (await store.session()).id
        before = await store.database["sessions"].find_one({"_id": session})
        await scene.hide(session)
        after = await store.database["sessions"].find_one({"_id": session})
        assert before is not None
        assert after is not None
        said = ("left", "since", "due", "peak", "seats_counted", "version")
        assert [after.get(name) for name in said] == [before.get(name) for name in said]
        assert (before["left"], "since" in before) == (False, True), "it is deserted from its beginning"


async def test_there_are_few_of_them_and_a_duplicate_is_one_of_hidden_seats_alone(database: Database) -> None:
    async with repositories(database) as store:
        scene = Scene(store)
        full = (await store.session()).id
        for _ in range(HIDDEN_SEATS):
            await scene.hide(full, None)
        assert await scene.hide(full, None) == "session-full"
        assert len(await scene.hidden(full)) == HIDDEN_SEATS

        refusing = (await store.session(duplicates="refuse")).id
        assert await scene.hide(refusing) in await scene.hidden(refusing)
        assert await scene.hide(refusing) == "already-joined"

        replacing = (await store.session(duplicates="replace")).id
        first = await scene.hide(replacing)
        for _ in range(HIDDEN_SEATS - 1):
            await scene.hide(replacing, None)
        second = await scene.hide(replacing)
        assert first not in await scene.hidden(replacing)
        assert second in await scene.hidden(replacing)
        await scene.kick(replacing, first)
        assert second not in await scene.hidden(replacing), "who was replaced is meant by its identity"
        assert await scene.hide(replacing) == "kicked"


async def test_it_stays_as_its_join_has_made_it(database: Database) -> None:
    async with repositories(database) as store:
        scene, session = Scene(store), (await store.session()).id
        seat = ParticipantId(await scene.hide(session))
        before = await scene.now(session)
        for changes in ({"hand_raised": True}, {"muted": {"audio": True}}, {"grants": {"signal": True}}):
            body = UpdateParticipant(participant_id=seat, changes=changes)
            with pytest.raises(Refusal) as refusal:
                await update_participant(scene.envelope(session, body), body, scene.context)
            assert refusal.value.problem.code == "wrong-state"
        assert await scene.now(session) == before


@pytest.mark.parametrize("end", ["kick", "close"])
async def test_nobody_is_hidden_where_a_kick_or_a_close_has_been_answered(database: Database, end: str) -> None:
    await race(database, end, 20)


@pytest.mark.long
@pytest.mark.parametrize("end", ["kick", "close"])
async def test_nor_in_a_thousand_rounds(database: Database, end: str) -> None:
    await race(database, end, 1000)


async def race(database: Database, end: str, rounds: int) -> None:
    """So often a hidden join beside a kick of its identity, or beside the session's end."""
    async with repositories(database, durable=False) as store:
        scene, sat = Scene(store), 0
        for round_ in range(rounds):
            session = (await store.session()).id
            first = await scene.hide(session)

            async def late(session: SessionId = session, reads: int = round_ % 5) -> str:
                for _ in range(reads):
                    await store.sessions.find(session)
                return await scene.hide(session)

            async def over(session: SessionId = session, first: str = first, reads: int = -round_ % 5) -> None:
                for _ in range(reads):
                    await store.sessions.find(session)
                if end == "kick":
                    await scene.kick(session, first)
                else:
                    await store.sessions.close(session, "closed")

            second, _ = await asyncio.gather(late(), over())
            now = await scene.now(session)
            assert second in ("kicked", "session-closed") or second == participant_of(second), second
            sat += second not in ("kicked", "session-closed")
            if end == "kick":
                assert now.hidden == [], f"round {round_}"
            else:
                assert now.status == "closed"
                assert (second in [seat.id for seat in now.hidden]) == (second != "session-closed"), f"round {round_}"
            assert await scene.hide(session) in ("kicked", "session-closed"), f"round {round_}"
            assert now.version == (1 if end == "kick" else 2), "nobody is told of hidden seats"
        assert 0 < sat < rounds, "one of the two was always first: no race"


def participant_of(text: str) -> str:
    """The text, where it is the id of a seat."""
    return text if len(text) == 36 else ""
