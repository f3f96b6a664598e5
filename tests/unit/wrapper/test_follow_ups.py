"""The queue of what changes owe: bounded, empty for what owes nothing, and waited for no longer than is said."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from callplane.store.documents import Chore, ConnectionDocument
from callplane.store.versioned_updates import Change
from wrapper import follow_ups as module
from wrapper.follow_ups import FollowUp, FollowUps

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def change(*chores: str) -> Change[ConnectionDocument]:
    """One that owes these chores and no event."""
    owed = [Chore(id=one, do=one, at=NOW) for one in chores]
    document = ConnectionDocument(
        _id="c", session_id="s", participant_id="p", kind="publish", state="ready", chores=owed
    )
    return Change(document, chores)


async def test_what_owes_nothing_is_not_put_in() -> None:
    queue = FollowUps()
    queue.schedule(None)
    queue.schedule(change())
    assert len(queue) == 0
    queue.schedule(change("a", "b"))
    assert await queue.next() == FollowUp(change("a", "b").document, False, frozenset({"a", "b"}))


async def test_what_does_not_fit_is_left_to_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKLOG", 2)
    queue = FollowUps()
    for chore in ("a", "b", "c"):
        queue.schedule(change(chore))
    assert [(await queue.next()).chores for _ in range(len(queue))] == [frozenset("a"), frozenset("b")]


def told(document: str, *chores: str) -> FollowUp:
    """One that owes an event besides."""
    made = change(*chores)
    return FollowUp(made.document.model_copy(update={"id": document}), True, frozenset(chores))


async def test_events_pass_chores_and_each_kind_keeps_its_order() -> None:
    queue = FollowUps()
    queue.schedule(change("a"))
    for document in ("d", "e"):
        assert queue.put(told(document, "b"))
    assert queue.untold()
    assert [(one := await queue.next()).document.id for _ in range(2)] == ["d", "e"]
    assert not queue.untold()
    assert queue.put(replace(one, publishes=False))
    assert [(await queue.next()).chores for _ in range(2)] == [frozenset("a"), frozenset("b")]


async def test_a_sweep_knows_what_waits_here_and_not_what_is_at_work() -> None:
    queue = FollowUps()
    queue.put(told("d"))
    queue.put(told("d", "b"))
    await queue.next()
    assert queue.awaits("d")
    assert not queue.awaits("e")
    await queue.next()
    assert not queue.awaits("d")


async def test_the_end_waits_for_what_is_worked_on_and_no_longer_than_is_said() -> None:
    queue = FollowUps()
    queue.schedule(change("a"))
    await queue.next()
    async with asyncio.timeout(5):
        await queue.finish(0.01)
        queue.done()
        await queue.finish(60)
