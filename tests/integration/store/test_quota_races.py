"""Quotas at the limit: never more than so many, whoever races; and whoever ends, or dies on the way, frees a place."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, cast

import pytest

from callplane.contracts.commands import Caller, CreateSession, Envelope, Join
from callplane.contracts.errors import Problem, Refusal
from callplane.contracts.ids import CommandId, ParticipantId, SessionId, new_id
from callplane.contracts.quotas import Counted, Quotas
from callplane.store import quota_uses
from callplane.store.documents import Seat, SessionDocument
from callplane.store.new_session import Origin
from callplane.store.quota_uses import QuotaUse, QuotaUses
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database
from wrapper.context import Context
from wrapper.quotas import reserved

ROUNDS = 2
ADA = "shop:ada"


@pytest.fixture(autouse=True)
def _counted_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nobody waits long for a place that has fallen free."""
    monkeypatch.setattr(quota_uses, "AGAIN_SECONDS", 0.2)


class Scene:
    """Some wrappers' handlers on one store, whose callers have quotas."""

    def __init__(self, store: Repositories, **quotas: int) -> None:
        self.plain = store
        self.quotas = Quotas.model_validate(quotas)
        self.uses = QuotaUses(store.database)
        self.context = cast(Context, cast(Any, self))

    @property
    def store(self) -> Any:
        """What handlers know as the context's."""
        return type("Store", (), {"quota_uses": self.uses})

    def envelope(self, body: CreateSession | Join, session: SessionId, command: str | None = None) -> Envelope:
        """A command of the tenant, or of Ada by her token."""
        caller = Caller(kind="access", name=ADA, tenant="shop", quotas=self.quotas)
        id_, deadline = CommandId(command or new_id()), self.plain.soon()
        return Envelope(id=id_, session_id=session, caller=caller, deadline=deadline, body=body)

    async def make(self, command: str | None = None) -> SessionId:
        """A session, as the handler makes it. Raises Refusal."""
        session = SessionId(command or new_id())
        envelope = self.envelope(CreateSession(), session, command)

        async def is_there() -> bool:
            return await self.plain.sessions.find(session) is not None

        async with reserved("sessions", envelope, ADA, self.context, is_there):
            origin = Origin(tenant="shop", created_by=ADA)
            made = await self.plain.sessions.create(session, CreateSession(), envelope.deadline, origin)
            assert isinstance(made, SessionDocument) or made == "repeated"
        return session

    async def sit(self, session: SessionId, command: str | None = None) -> ParticipantId:
        """A seat, as the handler takes it. Raises Refusal."""
        envelope = self.envelope(Join(), session, command)
        seat = Seat(id=ParticipantId(envelope.id), identity=ADA)

        async def is_there() -> bool:
            found = await self.plain.sessions.find(session)
            return found is not None and found.seat(seat.id) is not None

        async with reserved("seats", envelope, ADA, self.context, is_there):
            await self.plain.seats.take(session, seat, envelope.id, envelope.deadline)
        return seat.id

    async def soon(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Ask until it is let through: what falls free is seen when it is counted again."""
        async with asyncio.timeout(10):
            while True:
                with suppress(Refusal):
                    return await ask()
                await asyncio.sleep(0.05)


async def refused(asked: Awaitable[Any]) -> Problem:
    with pytest.raises(Refusal) as met:
        await asked
    return met.value.problem


@pytest.mark.parametrize("quota", ["sessions", "identity_sessions"])
async def test_of_many_who_make_sessions_at_once_as_many_as_may_get_one(database: Database, quota: Counted) -> None:
    async with repositories(database, durable=False) as store:
        scene = Scene(store, **{quota: 3})
        for _ in range(ROUNDS):
            made = await asyncio.gather(*(scene.make() for _ in range(8)), return_exceptions=True)
            mine = [one for one in made if not isinstance(one, Refusal)]
            assert len(mine) == await scene.uses.used(quota, "shop" if quota == "sessions" else ADA) == 3, made
            problem = await refused(scene.make())
            assert (problem.code, problem.reason, problem.limit) == ("quota-exceeded", quota, 3)
            assert await scene.make(str(mine[0])) == mine[0], "the repeat of one that was made is no new one"
            await store.sessions.close(SessionId(str(mine[1])), "closed")
            mine[1] = await scene.soon(scene.make)
            for session in mine:
                await store.sessions.close(SessionId(str(session)), "closed")
            await store.database["quota_uses"].delete_many({})  # as after an hour in which nobody made any


@pytest.mark.parametrize("quota", ["seats", "identity_seats"])
async def test_of_many_who_sit_down_at_once_as_many_as_may_have_a_seat(database: Database, quota: Counted) -> None:
    """In whichever of the tenant's sessions; who leaves, and a session that is closed, free theirs."""
    async with repositories(database, durable=False) as store:
        sessions = [await Scene(store).make() for _ in range(2)]
        scene, owner = Scene(store, **{quota: 3}), "shop" if quota == "seats" else ADA
        joined = await asyncio.gather(*(scene.sit(sessions[n % 2]) for n in range(8)), return_exceptions=True)
        seats = [str(one) for one in joined if not isinstance(one, Refusal)]
        assert len(seats) == await scene.uses.used(quota, owner) == 3, joined
        assert (await refused(scene.sit(sessions[0]))).reason == quota
        for session in sessions:
            await store.seats.pull(session, ParticipantId(seats[0]), "left")
        await scene.soon(lambda: scene.sit(sessions[0]))
        assert await scene.uses.used(quota, owner) == 3
        await store.sessions.close(sessions[0], "closed")
        await scene.soon(lambda: scene.sit(sessions[1]))


async def test_who_dies_on_the_way_frees_its_place_when_its_command_can_do_nothing_any_more(database: Database) -> None:
    async with repositories(database, durable=False) as store:
        scene = Scene(store, sessions=1)
        dead = QuotaUse("sessions", "shop", CommandId("dead"), SessionId("dead"))
        assert await scene.uses.reserve(dead, 1, store.clock.now() + timedelta(seconds=60))
        assert (await refused(scene.make())).code == "quota-exceeded"
        deadline = store.clock.now() - timedelta(seconds=1)
        where, then = {"_id": dead.key}, {"$set": {"reserved.0.until": deadline}}
        await store.database["quota_uses"].update_one(where, then)
        await scene.soon(scene.make)
        late = await store.sessions.create(SessionId("dead"), CreateSession(), deadline, Origin(tenant="shop"))
        assert late == "late"


async def test_who_was_refused_holds_no_place(database: Database) -> None:
    async with repositories(database, durable=False) as store:
        scene = Scene(store, seats=1)
        session = await Scene(store).make()

        async def is_there() -> bool:
            return False

        for _ in range(3):
            with pytest.raises(Refusal):
                async with reserved("seats", scene.envelope(Join(), session), None, scene.context, is_there):
                    raise Refusal("session-full")
        await scene.sit(session)


async def test_what_came_about_without_a_reservation_is_found(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made while the tenant had no quota, by an operator, or by the version before."""
    async with repositories(database, durable=False) as store:
        scene = Scene(store, sessions=2)
        await scene.make()
        await Scene(store).make()
        await Scene(store).make()
        monkeypatch.setattr(quota_uses, "COUNTED_SECONDS", 0.1)
        await asyncio.sleep(0.2)
        assert (await refused(scene.make())).limit == 2


async def test_so_many_reservations_are_counted_off_in_between(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota_uses, "RESERVED", 2)
    async with repositories(database, durable=False) as store:
        scene = Scene(store, sessions=9)
        for n in range(7):
            await scene.make()
            found = await store.database["quota_uses"].find_one({"_id": "sessions shop"})
            assert found is not None
            assert found["used"] + len(found["reserved"]) == n + 1
            assert len(found["reserved"]) <= 2


async def test_nothing_is_asked_of_the_database_where_nothing_is_bounded(database: Database) -> None:
    async with repositories(database, durable=False) as store:
        scene = Scene(store)
        session = await scene.make()
        await scene.sit(session)
        assert await store.database["quota_uses"].find_one({}) is None
