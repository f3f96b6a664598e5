"""When a failed delivery is sent again: from 5 s to 24 h, and not for ever."""

from datetime import UTC, datetime, timedelta

import pytest

from callplane.contracts.webhooks import WebhookId
from hooks.bulkheads import Bulkheads
from hooks.schedule import Schedule
from hooks.sender import retry_after

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def test_pauses_grow_from_the_first_to_the_longest() -> None:
    pauses = [Schedule().pause(failures, lambda: 0.5) for failures in range(1, 12)]
    assert pauses[:4] == [5, 20, 80, 320]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 86_400
    assert Schedule().pause(10_000, lambda: 1.0) == 86_400


@pytest.mark.parametrize("jitter", [0.0, 0.3, 1.0])
def test_jitter_stays_within_the_bounds(jitter: float) -> None:
    pauses = [Schedule().pause(failures, lambda: jitter) for failures in range(1, 12)]
    assert all(5 <= pause <= 86_400 for pause in pauses)
    assert pauses[2] == pytest.approx(80 * (0.8 + 0.4 * jitter))


def test_what_is_older_than_it_may_be_is_given_up() -> None:
    schedule = Schedule(give_up=60)
    assert not schedule.is_over(NOW - timedelta(seconds=59), NOW)
    assert schedule.is_over(NOW - timedelta(seconds=60), NOW)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        (" 120 ", 120.0),
        ("Mon, 05 Jan 2026 12:00:30 GMT", 30.0),
        ("Mon, 05 Jan 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("9" * 400, 999_999_999.0),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


def test_an_endpoint_that_says_nothing_has_one_request_at_a_time() -> None:
    one, other = WebhookId("one"), WebhookId("other")
    bulkheads = Bulkheads(2)
    assert [bulkheads.enter(one) for _ in range(3)] == [True, True, False]
    assert bulkheads.full() == {one}
    assert bulkheads.enter(other)
    bulkheads.answered(one, None)
    bulkheads.leave(one)
    assert not bulkheads.enter(one)
    bulkheads.answered(one, 500)
    assert bulkheads.enter(one)
    assert bulkheads.total == 3
