"""Overload: what is late at every look is refused in order, a pause refuses nothing, and one look in time ends it."""

import asyncio

import pytest

from api.metrics import Metrics
from api.overload import LOOKS, TIMES, Overload
from api.settings import Settings
from callplane.contracts.errors import Refusal
from callplane.telemetry import metrics as telemetry


def refused(overload: Overload) -> list[str]:
    """What is, in the order of what is refused first."""
    return [what for what in TIMES if overload.sheds(what)]


@pytest.mark.parametrize(
    ("lag", "expected"),
    [
        (0.9, []),
        (1.0, ["connections"]),
        (1.6, ["connections", "volatile"]),
        (2.0, ["connections", "volatile", "signals"]),
    ],
)
def test_more_is_refused_the_later_the_loop_stands(lag: float, expected: list[str]) -> None:
    overload = Overload(1.0)
    for _ in range(LOOKS):
        assert refused(overload) == []
        overload.look(lag)
    assert refused(overload) == expected
    overload.look(0.0)
    assert refused(overload) == [], "it is over at once"


def test_a_pause_of_the_process_refuses_nothing_however_long_it_was() -> None:
    overload = Overload(1.0)
    for lag in (0.0, 60.0, 60.0, 0.0, 60.0):
        overload.look(lag)
    assert (refused(overload), overload.standing) == ([], 0.0)


def test_it_can_be_turned_off() -> None:
    overload = Overload(0.0)
    for _ in range(LOOKS):
        overload.look(60.0)
    assert refused(overload) == []


def test_what_is_refused_is_counted_and_how_late_it_stands_is_shown() -> None:
    metrics = Metrics()
    overload = Overload(1.0, metrics.shed)
    metrics.watch_overload(lambda: overload.standing)
    for _ in range(LOOKS):
        overload.look(1.5)
    with pytest.raises(Refusal, match="unavailable") as raised:
        overload.require_room("volatile")
    assert raised.value.problem.retry_after == 1
    overload.require_room("signals")
    text = metrics.text().decode()
    assert 'callplane_shed_total{what="volatile"} 1.0' in text
    assert 'callplane_shed_total{what="signals"} 0.0' in text
    assert "callplane_event_loop_standing_lag_seconds 1.5" in text


async def test_each_look_of_the_loop_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "LAG_SECONDS", 0.001)
    looks: asyncio.Queue[float] = asyncio.Queue()
    watching = asyncio.create_task(Metrics().watch_loop(looks.put_nowait))
    async with asyncio.timeout(5):
        assert [await looks.get() >= 0 for _ in range(3)] == [True] * 3
    watching.cancel()


def test_what_is_promised() -> None:
    assert Settings(token_secrets=("x" * 32,)).shed_lag == 1.0
