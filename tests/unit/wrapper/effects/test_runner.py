"""Follow-ups: all are told before anything else is done about any of them; what is soon done goes with its event."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.ids import ParticipantId
from callplane.store.documents import ConnectionDocument, SessionDocument
from callplane.store.shown_streams import ShownStreams
from callplane.store.versioned_updates import Pulled
from wrapper.effects.outbox import Outbox
from wrapper.effects.runner import WORKERS, FollowUpRunner, Left
from wrapper.follow_ups import FollowUp, FollowUps

SHOWN = ShownStreams(ParticipantId("p"), 1, (), False, False)


async def test_all_are_told_before_chores_are_done_and_each_before_its_own() -> None:
    many, done = 10 * WORKERS, list[tuple[str, str]]()
    follow_ups = FollowUps()
    runner = FollowUpRunner(cast(Any, SimpleNamespace(follow_ups=follow_ups)), cast(Any, None), cast(Any, None))

    async def do(document: ConnectionDocument, *, publishes: bool, chores: frozenset[str]) -> None:
        await asyncio.sleep(0)
        done.extend((what, document.id) for what, wanted in (("told", publishes), ("chore", chores)) if wanted)

    runner.do = do  # type: ignore[method-assign, assignment]
    for number in range(many):
        document = ConnectionDocument(
            _id=f"c{number}", session_id="s", participant_id="p", kind="publish", state="ready"
        )
        follow_ups.put(FollowUp(document, True, frozenset({"chore"})))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(runner.run())
        await follow_ups.finish(5)
        running.cancel()
    assert len(done) == 2 * many
    assert {what for what, _ in done[: many - WORKERS]} == {"told"}
    assert all(done.index(("told", id_)) < done.index(("chore", id_)) for _, id_ in done)


class Desk:
    """A store of one session, and a messenger to it, which note in order what they are asked for."""

    def __init__(self, *, shows_the_same: bool = True) -> None:
        self.asked: list[str] = []
        self.away = False
        self._same = shows_the_same

    async def to_session(self, _: str, messages: list[Any]) -> str:
        """To everybody."""
        if self.away:
            raise Unavailable("no broker")
        self.asked.append(f"tell {len(messages)}")
        return "all"

    async def pull_all_published(self, _: str, entries: list[str], _most: Any, done: Pulled | None = None) -> Any:
        """They are all, if the chores may go with them."""
        if self._left(done) is not None:
            self._pull(entries, done)
        return self._left(done) is not None, None

    async def with_events(self, _: str) -> Any:
        """As it was: nothing has come."""
        return owing()

    async def pull_published(self, _: str, entries: list[str], _most: Any, done: Pulled | None = None) -> Any:
        """Say what is left: nothing."""
        self._pull(entries, done)
        return self._left(done)

    def _pull(self, entries: list[str], done: Pulled | None) -> None:
        chores = () if done is None else done.chores
        self.asked.append(" ".join(["pull", *entries, *chores]))

    async def pull_chores(self, _: str, done: Pulled) -> bool:
        """Take them out."""
        self.asked.append(" ".join(["pull", *done.chores]))
        return self._left(done) is not None

    def _left(self, done: Pulled | None) -> Any:
        return session() if self._same or done is None or not done.shown else None


def session(**fields: Any) -> SessionDocument:
    """With an event, and two chores."""
    settings = {"max_participants": 7, "empty_timeout": 6, "departure_timeout": 5, "grace": 4}
    known = {"_id": "s", "status": "open", "epoch": 1, "settings": settings, "created_at": datetime.now(UTC)}
    return SessionDocument.model_validate({**known, **fields})


def owing() -> SessionDocument:
    """With an event, and two chores."""
    now = datetime.now(UTC)
    chores = [{"id": id_, "do": id_, "at": now, "with": {}} for id_ in ("c1", "c2")]
    event = {"id": "e", "type": "participant-left", "at": now, "data": {"participant_id": "p"}}
    return session(version=7, outbox=[event], chores=chores)


class Work:
    """Chores that do what they are told to."""

    def __init__(self, desk: Desk, second: Callable[[], Awaitable[Any]]) -> None:
        self._desk, self._second = desk, second

    async def do(self, _document: Any, chore: Any, _context: Any) -> Any:
        """Do one."""
        self._desk.asked.append(f"do {chore.do}")
        return True if chore.id == "c1" else await self._second()

    async def do_anew(self, _document: Any, chore: Any, _context: Any) -> None:
        """Do one again."""
        self._desk.asked.append(f"do {chore.do} anew")


async def done_by(desk: Desk, second: Callable[[], Awaitable[Any]], seconds: float | None = None) -> Left:
    """What is left when the document's event and chores have been worked on."""
    store = SimpleNamespace(sessions=desk)
    outbox = Outbox(cast(Any, desk), cast(Any, None), cast(Any, desk), cast(Any, None))
    runner = FollowUpRunner(cast(Any, SimpleNamespace(store=store)), outbox, cast(Any, Work(desk, second)))
    runner.joint_seconds = seconds
    return await runner.do(owing(), publishes=True, chores=frozenset({"c1", "c2"}))


async def at_once() -> bool:
    """Done."""
    return True


async def test_chores_that_are_soon_done_go_with_the_event_by_one_update() -> None:
    desk = Desk()
    assert await done_by(desk, at_once) == Left()
    assert desk.asked == ["tell 1", "do c1", "do c2", "pull e c1 c2"]


async def test_what_takes_long_holds_up_no_event() -> None:
    desk, told = Desk(), asyncio.Event()
    pull = desk.pull_all_published

    async def pull_all_published(*args: Any) -> Any:
        told.set()
        return await pull(*args)

    desk.pull_all_published = pull_all_published  # type: ignore[method-assign]

    async def long() -> bool:
        return await told.wait()

    assert await done_by(desk, long, 0.01) == Left()
    assert desk.asked == ["tell 1", "do c1", "do c2", "pull e", "pull c1 c2"]


async def test_what_was_done_by_a_session_that_has_changed_is_done_anew_and_holds_up_no_event() -> None:
    desk = Desk(shows_the_same=False)

    async def fed() -> ShownStreams:
        return SHOWN

    assert await done_by(desk, fed) == Left()
    assert desk.asked[:5] == ["tell 1", "do c1", "do c2", "pull e c1 c2", "pull e"]
    assert desk.asked[5:] == ["pull c1 c2", "do c2 anew", "pull c1 c2"]


@pytest.mark.parametrize("left", ["late", "trouble"])
async def test_what_could_not_be_done_stays_alone(left: str) -> None:
    desk = Desk()

    async def not_yet() -> bool:
        if left == "trouble":
            raise Trouble("not now")
        return False

    assert await done_by(desk, not_yet) == Left(("c2",))
    assert desk.asked[-1] == "pull e c1"


async def test_chores_are_done_where_nothing_can_be_told() -> None:
    desk = Desk()
    desk.away = True
    assert await done_by(desk, at_once) == Left(("e",), away=True)
    assert desk.asked == ["do c1", "do c2", "pull c1 c2"]
