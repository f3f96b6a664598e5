"""Law of hidden seats: what anybody but moderators is given of a session is the same as if there were none."""

import random
from typing import Any, cast

import pytest

from callplane.contracts.commands import Caller, Envelope, JoinHidden, Leave
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import CommandId, ParticipantId, SessionId, new_id, participant_made_by
from callplane.contracts.messages import Message
from callplane.store.documents import Seat
from callplane.store.seats import Kick, SeatGuard
from callplane.store.views import participant_view, session_view
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database
from wrapper.commands.join import _take_seat
from wrapper.commands.leave import leave
from wrapper.context import Context
from wrapper.effects.outbox import Outbox

STEPS = 30
IDENTITIES = ("web:ada", "web:bob", None)


class Messages:
    """Everything that was told in a session, but for when."""

    def __init__(self) -> None:
        self.told: dict[int | None, Any] = {}

    async def to_session(self, _session: SessionId, messages: list[Message]) -> str:
        """Note them, by their versions: a message that is told twice is the same."""
        for one in messages:
            self.told[one.version] = (one.type, without_times(one.data))
        return "all"


class Room:
    """A session in which things happen, to hidden seats as well or to none."""

    def __init__(self, store: Repositories, session: SessionId, *, hides: bool) -> None:
        self.store = store
        self.session = session
        self.follow_ups = self
        self.messages = Messages()
        self._hides = hides
        self._outbox = Outbox(store.sessions, store.connections, cast(Any, self.messages), cast(Any, None))
        self.lists: list[Any] = []

    def schedule(self, _change: object) -> None:
        """What is owed is told at the end of each step, and done by nobody."""

    async def step(self, chance: random.Random) -> None:
        """One thing, and perhaps hidden ones before and after it; what is shown then."""
        apart = random.Random(chance.random())
        if self._hides:
            await self._hidden(apart)
        await self._happen(chance)
        if self._hides:
            await self._hidden(apart)
        found = await self.store.sessions.find(self.session)
        await self._outbox.carry_session(found)
        found = await self.store.sessions.find(self.session)
        roster = await self.store.sessions.roster(self.session)
        assert found is not None
        assert roster is not None
        receivers = [(seat.id, seat.role) for seat in roster.participants]
        self.lists.append((without_times(session_view(found).model_dump(mode="json")), receivers))

    async def _hidden(self, chance: random.Random) -> None:
        """Somebody hides, goes, or is shown out."""
        found = await self.store.sessions.find(self.session)
        assert found is not None
        there = [seat.id for seat in found.hidden]
        body: Any = JoinHidden(identity=chance.choice(IDENTITIES), metadata={"n": chance.random()})
        if there and chance.random() < 0.5:
            body = Leave(participant_id=chance.choice(there))
        envelope = Envelope(
            id=CommandId(new_id()),
            session_id=self.session,
            caller=Caller(kind="key"),
            deadline=self.store.soon(),
            body=body,
        )
        context = cast(Context, cast(Any, self))
        try:
            if isinstance(body, Leave):
                await leave(envelope, body, context)
            else:
                await _take_seat(envelope, body, participant_made_by(envelope.id), context)
        except Refusal as refusal:
            assert refusal.problem.code in ("kicked", "wrong-state", "session-full", "session-closed", "join-again")

    async def _happen(self, chance: random.Random) -> None:
        who, seats = ParticipantId(chance.choice("abcd")), self.store.seats
        guard = SeatGuard(CommandId(new_id()), self.store.soon())
        match chance.randrange(8):
            case 0 | 1 | 2:
                seat = Seat(id=who, identity=chance.choice(IDENTITIES))
                await seats.take(self.session, seat, CommandId(new_id()), self.store.soon())
            case 3:
                why = chance.choice((None, None, Kick()))
                await seats.pull(self.session, who, "left", why=why)
            case 4:
                await seats.mute_everybody(self.session, ["audio"], [who], guard)
            case 5:
                await chance.choice((seats.reconnecting, seats.reconnected))(self.session, who)
            case 6:
                grace = {"grace": chance.randrange(9)}
                await self.store.sessions.update(self.session, CommandId(new_id()), grace, self.store.soon(), None)
            case _:
                changes = chance.choice(({"name": "N"}, {"role": "moderator"}, {"muted": {"video": True}}))
                found = await self.store.sessions.find(self.session)
                seat = None if found is None else found.seat(who)
                if found is not None and seat is not None:
                    await seats.update(self.session, participant_view(found, seat), changes, guard)


def without_times(shown: dict[str, Any]) -> dict[str, Any]:
    """What is shown, but for what two sessions never have alike."""
    apart = ("id", "created_at", "closed_at", "participant_minutes")
    inner = shown.get("session")
    rest = {name: value for name, value in shown.items() if name not in apart}
    return {**rest, "session": without_times(inner)} if isinstance(inner, dict) else rest


async def test_nobody_is_given_anything_else_where_hidden_seats_come_and_go(database: Database) -> None:
    await compare(database, "replace", range(1))


@pytest.mark.long
@pytest.mark.parametrize("duplicates", ["allow", "replace", "refuse"])
async def test_nor_in_many_histories(database: Database, duplicates: str) -> None:
    await compare(database, duplicates, range(20))


async def compare(database: Database, duplicates: str, seeds: range) -> None:
    """The same history twice, without hidden seats and with them; AssertionError: somebody would notice."""
    async with repositories(database, durable=False) as store:
        for seed in seeds:
            rooms = []
            for hides in (False, True):
                session = await store.session(duplicates=duplicates, max_participants=3)
                room, chance = Room(store, session.id, hides=hides), random.Random(seed)
                for _ in range(STEPS):
                    await room.step(chance)
                await store.sessions.close(session.id, "closed")
                await room._outbox.carry_session(await store.sessions.find(session.id))
                rooms.append(room)
            alone, watched = rooms
            assert alone.lists == watched.lists, f"seed {seed}"
            assert alone.messages.told == watched.messages.told, f"seed {seed}"
            assert list(watched.messages.told) == list(range(2, len(watched.messages.told) + 2)), "without a gap"
