"""Activity: who has asked is written once in 30 s, some at a time, and a write that fails holds up nobody."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from api.activity import AT_ONCE, MOST, Activity
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.store.documents import Seat

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
S = SessionId("s")


def seat(name: str, *, seconds: float | None = None) -> Seat:
    """A seat that was active so long ago."""
    active = None if seconds is None else NOW - timedelta(seconds=seconds)
    return Seat(id=ParticipantId(name), last_active_at=active)


class Written:
    """Keeps what is written; one that is away fails."""

    def __init__(self) -> None:
        self.calls: list[dict[str, list[str]]] = []
        self.away = False

    async def __call__(self, seats: Mapping[SessionId, Collection[ParticipantId]]) -> None:
        if self.away:
            raise Unavailable("no database")
        self.calls.append({str(session): [str(one) for one in ids] for session, ids in seats.items()})


async def test_who_was_not_active_lately_is_written_once() -> None:
    written = Written()
    activity = Activity(written, lambda: NOW)
    for one in (seat("new"), seat("new"), seat("lately", seconds=29), seat("old", seconds=31)):
        activity.mark(S, one)
    activity.mark(SessionId("t"), seat("other"))
    await activity.flush()
    await activity.flush()
    assert written.calls == [{"s": ["new", "old"], "t": ["other"]}]


async def test_many_are_written_some_at_a_time_and_too_many_are_forgotten() -> None:
    written = Written()
    activity = Activity(written, lambda: NOW)
    for n in range(MOST + 10):
        activity.mark(S, seat(str(n)))
    await activity.flush()
    assert [len(call["s"]) for call in written.calls] == [AT_ONCE] * (MOST // AT_ONCE)


async def test_what_could_not_be_written_is_said_by_the_next_request() -> None:
    written = Written()
    activity = Activity(written, lambda: NOW)
    activity.mark(S, seat("ann"))
    written.away = True
    with pytest.raises(Unavailable):
        await activity.flush()
    written.away = False
    await activity.flush()
    assert written.calls == []
    activity.mark(S, seat("ann"))
    await activity.flush()
    assert written.calls == [{"s": ["ann"]}]
