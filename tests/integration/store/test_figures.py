"""A closed session: how many sat in it at most, and for how long together, however often anything is tried."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from callplane.contracts.commands import CreateSession
from callplane.contracts.ids import CommandId, ParticipantId, SessionId, new_id
from callplane.store.documents import Seat, SessionDocument
from callplane.store.figures import peak
from callplane.store.mongo.database import DatabaseClock
from callplane.store.seats import Kick, Seats
from callplane.store.sessions import Sessions
from callplane.store.views import session_view
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database

LATER = datetime.now(UTC) + timedelta(days=1)


class Call:
    """A session in which time goes as the test says."""

    def __init__(self, store: Repositories) -> None:
        self.minute = 0.0
        clock = cast(DatabaseClock, self)
        self.sessions, self.seats = Sessions(store.database, clock), Seats(store.database, clock)
        self.collection = store.database["sessions"]
        self.id = SessionId(new_id())

    def now(self) -> datetime:
        """So many minutes after the beginning."""
        return datetime(2026, 1, 5, 9, tzinfo=UTC) + timedelta(minutes=self.minute)

    async def begin(self) -> None:
        """Make it."""
        await self.sessions.create(self.id, CreateSession(), LATER)

    async def sit(self, who: str, minute: float) -> bool:
        """Whether anybody sat down."""
        self.minute, id_ = minute, ParticipantId(who)
        return await self.seats.take(self.id, Seat(id=id_), CommandId(f"{who} sits"), LATER) is not None

    async def go(self, who: str, minute: float, kick: Kick | None = None) -> bool:
        """Whether anybody went."""
        self.minute = minute
        return await self.seats.pull(self.id, ParticipantId(who), "left", why=kick) is not None

    async def read(self) -> SessionDocument:
        """As it is now."""
        found = await self.sessions.find(self.id)
        assert found is not None
        return found

    async def told(self) -> None:
        """A carrier has told all of it, and takes it out."""
        found = await self.read()
        await self.sessions.pull_published(self.id, [one.id for one in found.outbox], {"peak": peak(found)})

    async def figures(self) -> tuple[Any, ...]:
        """What is shown."""
        view = session_view(await self.read())
        return view.closed_because, view.closed_at, view.peak_participants, view.participant_minutes


async def test_a_closed_session_says_when_and_why_and_its_figures(database: Database) -> None:
    """An attempt that is repeated counts once, and who still sits there counts until the end."""
    async with repositories(database, durable=False) as store:
        call = Call(store)
        await call.begin()
        assert [await call.sit("ann", 0), await call.sit("ann", 7)] == [True, False]
        assert await call.sit("bob", 10)
        assert await call.sit("cat", 10)
        await call.told()
        assert [await call.go("bob", 15, Kick()), await call.go("bob", 55)] == [True, False]
        assert await call.go("cat", 20)
        assert await call.sit("dan", 20)
        assert await call.figures() == (None, None, None, None)
        call.minute = 30.5
        assert await call.sessions.close(call.id, "we are done") is not None
        call.minute = 99
        assert await call.sessions.close(call.id, "again") is None
        closed_at = datetime(2026, 1, 5, 9, 30, 30, tzinfo=UTC)
        for _ in range(2):
            # ann 30.5, bob 5, cat 10, dan 10.5
            assert await call.figures() == ("we are done", closed_at, 3, 56.0)
            await call.told()


async def test_the_most_is_known_though_all_have_gone_before_anything_was_told(database: Database) -> None:
    async with repositories(database, durable=False) as store:
        call = Call(store)
        await call.begin()
        for who in "abcd":
            await call.sit(who, 0)
        for who in "abcd":
            await call.go(who, 0.25)
        await call.sit("e", 1)
        await call.told()
        await call.go("e", 2)
        await call.sessions.close(call.id, "departed")
        assert (await call.figures())[2:] == (4, 2.0)


async def test_what_the_version_before_has_not_counted_is_not_said(database: Database) -> None:
    """It takes a seat, or gives one up, and adds nothing; what it closes has no time of that."""
    async with repositories(database, durable=False) as store:
        call = Call(store)
        await call.begin()
        await call.sit("ann", 0)
        await call.collection.update_one({"_id": call.id}, {"$push": {"participants": {"id": "old"}}})
        await call.sessions.close(call.id, "closed")
        assert (await call.figures())[2:] == (2, None)
        await call.collection.update_one({"_id": call.id}, {"$unset": {"closed_at": ""}})
        assert await call.figures() == ("closed", None, None, None)
