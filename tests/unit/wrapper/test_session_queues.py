"""Session queues: what cannot be listened to, or restored, ends nothing and holds nothing up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from callplane.bus.ports import StillOpen
from callplane.contracts.engines import Engine
from callplane.contracts.errors import NodeDown, Trouble, Unavailable
from callplane.contracts.ids import SessionId
from wrapper import session_queues
from wrapper.monitoring.metrics import Metrics
from wrapper.session_queues import SessionQueues

S = SessionId("s")
NOW = datetime(2026, 1, 2, tzinfo=UTC)


class Store:
    """Sessions of which one is open or not, and what is owed."""

    def __init__(self, epoch: int | None) -> None:
        self.epoch = epoch
        self.owed: list[str] = []
        self.reads = 0

    def now(self) -> datetime:
        """The database's time."""
        return NOW

    async def open_ids(self) -> list[SessionId]:
        """The one."""
        return [S]

    async def epoch_of_open(self, _: str) -> int | None:
        """Its epoch; None when it is closed."""
        self.reads += 1
        return self.epoch

    async def schedule_deletion(self, session: str) -> None:
        """Note it."""
        self.owed.append(session)


class Broker:
    """A listener whose queues fail as they are told."""

    def __init__(self, trouble: Exception | None) -> None:
        self.trouble = trouble
        self.unlistened: list[str] = []
        self.consumed: list[SessionId] = []
        self.engines: list[Engine] = []
        self.ending: list[SessionId] = []

    def expect_deletion(self, session: SessionId) -> None:
        """Note it."""
        self.ending.append(session)

    def wanted(self) -> set[SessionId]:
        """What is to be consumed."""
        return set(self.consumed)

    def listening(self) -> set[SessionId]:
        """What is consumed."""
        return set(self.consumed)

    async def listen_shared(self) -> None:
        """Nothing."""

    async def listen_all(self, sessions: list[SessionId]) -> None:
        """Consume them."""
        self.consumed += sessions

    async def listen(self, _: SessionId, still: StillOpen, engine: Engine) -> bool:
        """Fail, or ask."""
        self.engines.append(engine)
        if self.trouble is not None:
            raise self.trouble
        return await still()

    async def unlisten(self, session: SessionId) -> None:
        """Note it."""
        self.unlistened.append(session)


class Engines:
    """Those of sessions as they can be read; remembers what it is told."""

    def __init__(self, stored: Engine | Exception | None = "queues") -> None:
        self.stored = stored

    async def of(self, _: SessionId) -> Engine | None:
        """Its engine."""
        if isinstance(self.stored, Exception):
            raise self.stored
        return self.stored

    def remember(self, _: SessionId, engine: Engine) -> None:
        """Somebody has read it anyway."""
        self.stored = engine


def listening_to(store: Store, engines: Engines | None = None) -> SessionQueues:
    """Session queues on these sessions."""
    return SessionQueues(cast(Any, None), cast(Any, store), cast(Any, engines or Engines()), lambda *_: None, Metrics())


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("log", "log"),
        ("queues", "queues"),
        (None, "queues"),
        (Unavailable("away"), "queues"),
        (Trouble("no"), "queues"),
    ],
    ids=repr,
)
async def test_what_is_declared_is_what_its_engine_needs(stored: Any, expected: Engine) -> None:
    """All of it where nobody knows: a session without its exchange would lose what is said in it."""
    broker, listening = Broker(None), listening_to(Store(1), Engines(stored))
    listening.listener = cast(Any, broker)
    await listening.listen(S)
    assert broker.engines == [expected]


@pytest.mark.parametrize(
    "trouble", [None, Trouble("deleted meanwhile"), NodeDown("down"), Unavailable("away")], ids=repr
)
@pytest.mark.parametrize("epoch", [1, None])
async def test_nothing_that_a_queue_does_ends_a_wrapper(trouble: Exception | None, epoch: int | None) -> None:
    """What was declared of a closed session is owed a deletion, unless the broker is away: the list asks again."""
    store, broker = Store(epoch), Broker(trouble)
    listening = listening_to(store)
    listening.listener = cast(Any, broker)
    await listening.listen(S)
    expected = [S] if epoch is None and not isinstance(trouble, Unavailable) else []
    assert (store.owed, broker.unlistened) == (expected, expected)


@pytest.mark.parametrize(
    ("age", "reads"), [(0.0, 0), (0.9, 0), (-0.5, 0), (1.1, 1), (60.0, 1), (-2.0, 1), (None, 1)], ids=repr
)
async def test_what_was_made_a_moment_ago_is_not_read(age: float | None, reads: int) -> None:
    """Its queue is there for two seconds at least, by the clock that says when it was made; later it may be closed."""
    store, broker = Store(1), Broker(None)
    listening = listening_to(store)
    listening.listener = cast(Any, broker)
    await listening._opened(S, None if age is None else NOW - timedelta(seconds=age))
    assert (store.reads, broker.unlistened) == (reads, [])


@pytest.mark.parametrize(("epoch", "ending"), [(None, [S]), (2, [])], ids=["closed", "a new epoch"])
async def test_of_a_session_that_was_closed_the_end_is_expected(epoch: int | None, ending: list[SessionId]) -> None:
    broker, listening = Broker(None), listening_to(Store(epoch))
    listening.listener = cast(Any, broker)
    await listening._turned(S, epoch)
    assert broker.ending == ending


async def test_what_is_left_to_others_while_it_is_declared_is_not_listened_to_after_that() -> None:
    """Nor is late news of its beginning a reason to."""
    store, broker = Store(1), Broker(None)
    listening = listening_to(store)
    listening.listener = cast(Any, broker)
    listened: list[bool] = []

    async def declared(session: SessionId, still: StillOpen, _: Engine) -> bool:
        await listening.exclude(session, "of others")
        listened.append(await still())
        return listened[-1]

    broker.listen = declared  # type: ignore[method-assign]
    await listening.listen(S)
    assert (listened, store.owed) == ([False], [])
    await listening._opened(S, NOW)
    assert listened == [False]
    await listening.include(S)
    assert len(listened) == 2


class Quiet:
    """A change stream that shows nothing."""

    async def next(self) -> None:
        """Nothing, for ever."""
        await asyncio.Event().wait()


@asynccontextmanager
async def quiet(_: Any) -> AsyncIterator[Quiet]:
    """Open it."""
    yield Quiet()


@pytest.mark.parametrize("how", ["takes for ever", "cannot be done", "cannot be done at first"])
async def test_what_is_to_be_restored_holds_no_session_up(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """An index that takes long, or cannot be built: sessions are listened to, and it is tried again."""
    monkeypatch.setattr(session_queues, "watch", quiet)
    monkeypatch.setattr(session_queues, "AGAIN_SECONDS", 0.01)
    tried, restored = 0, asyncio.Event()

    async def restore() -> None:
        nonlocal tried
        tried += 1
        if how == "takes for ever":
            await asyncio.Event().wait()
        if how == "cannot be done" or tried < 3:
            raise Trouble("the database said 86 (IndexKeySpecsConflict)")
        restored.set()

    broker = Broker(None)
    listening = listening_to(Store(1))
    running = asyncio.create_task(listening.run(cast(Any, broker), restore))
    async with asyncio.timeout(5):
        await listening.ready.wait()
        assert broker.consumed == [S]
        if how == "cannot be done at first":
            await restored.wait()
    assert not running.done()
    running.cancel()
    await asyncio.wait({running})
