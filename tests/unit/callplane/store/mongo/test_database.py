"""Database time: the best of what the primary has answered, and what has passed since, whatever this machine does."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


class Network:
    """A primary behind a network: answers take time on both ways, which this machine's monotonic clock counts."""

    def __init__(self) -> None:
        self.monotonic = 0.0
        self.there = self.back = 0.0005
        self.stepped = 0.0

    def truth(self) -> datetime:
        """The primary's clock."""
        return THEN + timedelta(seconds=self.monotonic + self.stepped)

    async def hello(self) -> dict[str, Any]:
        """The time in which the question arrives, in whole milliseconds, as BSON has it."""
        self.monotonic += self.there
        now = self.truth()
        self.monotonic += self.back
        return {"localTime": now.replace(microsecond=now.microsecond // 1000 * 1000)}

    def passes(self, seconds: float, there: float = 0.0005, back: float = 0.0005) -> None:
        """Time, until an answer takes so long on its ways."""
        self.monotonic += seconds
        self.there, self.back = there, back

    def error(self, clock: DatabaseClock) -> float:
        """Seconds that a clock is wrong by."""
        return abs((clock.now() - self.truth()).total_seconds())


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    """What the module takes for this machine's clock is the network's."""
    made = Network()
    monkeypatch.setattr(module, "monotonic", lambda: made.monotonic)
    return made


def clock_of(network: Network) -> DatabaseClock:
    """A clock that has never asked."""
    return DatabaseClock(cast(Any, network))


async def test_an_answer_that_took_long_makes_no_good_clock_wrong(network: Network) -> None:
    """Half of 100 ms is not where the time was read, when all of them were spent on the way back."""
    clock = clock_of(network)
    await clock.sync()
    assert network.error(clock) < 0.002
    for there, back in ((0.1, 0.0), (0.0, 0.1), (0.02, 0.4)):
        network.passes(1, there, back)
        await clock.sync()
        assert network.error(clock) < 0.002


async def test_a_better_answer_takes_the_place_of_a_worse_one(network: Network) -> None:
    clock = clock_of(network)
    network.passes(0, back=0.1)
    await clock.sync()
    assert 0.04 < network.error(clock) < 0.06
    network.passes(1)
    await clock.sync()
    assert network.error(clock) < 0.002


async def test_an_old_estimate_is_worth_less_than_a_new_one(network: Network) -> None:
    """Clocks drift apart: this one has lost 20 ms in ten minutes, and hears of it by answers that take 80."""
    clock = clock_of(network)
    await clock.sync()
    network.passes(600)
    network.stepped += 0.02
    network.passes(0, there=0.04, back=0.04)
    await clock.sync()
    assert network.error(clock) < 0.002


@pytest.mark.parametrize("step", [3600.0, -3600.0, 0.2, -0.2])
async def test_a_primary_whose_clock_was_stepped_is_followed_at_once(network: Network, step: float) -> None:
    """Or another one that answers: whatever the old estimate was worth, it is of a clock that is no more."""
    clock = clock_of(network)
    await clock.sync()
    network.passes(1, back=0.1)
    network.stepped += step
    await clock.sync()
    assert network.error(clock) < 0.06


WAYS = st.lists(st.tuples(st.floats(0, 0.3), st.floats(0, 0.3)), min_size=1, max_size=30)


@given(WAYS)
async def test_a_clock_is_as_good_as_its_best_answer(ways: list[tuple[float, float]]) -> None:
    """For as long as it is not old: half its way, and the millisecond to which the answer is rounded."""
    network = Network()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "monotonic", lambda: network.monotonic)
        clock, best = clock_of(network), 1.0
        for there, back in ways:
            network.passes(1, there, back)
            await clock.sync()
            best = min(best, (there + back) / 2)
            assert network.error(clock) <= best + 0.001 + len(ways) * module.DRIFT
