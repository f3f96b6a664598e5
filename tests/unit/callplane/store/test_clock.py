"""Database time: as it was last asked for, and what has passed since, whatever this machine's clock does meanwhile."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from callplane.store.mongo import database as module
from callplane.store.mongo.database import DatabaseClock

THEN = datetime(2030, 1, 1, tzinfo=UTC)


class Primary:
    """A server on whose clock it is always the same time."""

    async def hello(self) -> dict[str, Any]:
        """What it says."""
        return {"localTime": THEN}


class Wall(datetime):
    """A wall clock that was set to the epoch."""

    @classmethod
    def now(cls, _tz: Any = None) -> datetime:  # type: ignore[override]
        """Long ago."""
        return datetime.fromtimestamp(0, UTC)


async def test_a_step_of_this_machines_clock_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = DatabaseClock(cast(Any, Primary()))
    await clock.sync()
    before = clock.now()
    monkeypatch.setattr(module, "datetime", Wall)
    assert timedelta(0) <= clock.now() - before < timedelta(seconds=5)
    assert timedelta(0) <= before - THEN < timedelta(seconds=5)


async def test_half_of_the_way_there_and_back_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([100.0, 100.5, 104.0, 104.25])  # made, asked, heard, now
    monkeypatch.setattr(module, "monotonic", lambda: next(times))
    clock = DatabaseClock(cast(Any, Primary()))
    await clock.sync()
    assert clock.now() == THEN + timedelta(seconds=2)
