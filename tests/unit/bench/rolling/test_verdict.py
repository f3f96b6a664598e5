"""The checker of the rolling update sees what it is for, on made-up accounts."""

from typing import Any

import pytest

from bench.rolling.verdict import Account, Records, Verdict, gaps, judge, longest_gap, signals, version_gaps

ROLLING, CALM = (100.0, 110.0), (110.0, 120.0)


def pictures(without: tuple[float, float] = (0, 0)) -> list[float]:
    """Ten a second for half a minute, but none in between."""
    times = [95 + n / 10 for n in range(300)]
    return [at for at in times if not without[0] < at < without[1]]


def account(seat: str, other: str, **changed: Any) -> Account:
    """Somebody to whom nothing bad has happened."""
    requests = {"asked": 9, "retried": 1, "trouble": {"503": 1}, "failed": [], "slowest": 0.1}
    good: Account = {
        "name": seat,
        "seat": seat,
        "other": other,
        "acknowledged": [1, 2, 3],
        "doubtful": [],
        "heard": [1, 2, 3],
        "snapshot": 4,
        "versions": [3, 4, 5, 6, 7],
        "told": [["participant-updated", ""], ["signal", ""]],
        "added": 0,
        "decoded": pictures(),
        "ended": "",
        "hung_up": [],
        "requests": requests,
    }
    return good | changed


def verdict(**changed: Any) -> Verdict:
    """Of two people, one of whom met something."""
    return judge(Records([account("a", "b"), account("b", "a", **changed)]), ROLLING, CALM)


def test_where_nothing_happened_nothing_is_wrong() -> None:
    assert verdict().wrong == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"heard": [1, 3]}, "signals lost: 1"),
        ({"heard": [1, 2, 2, 3]}, "signals doubled: 1"),
        ({"heard": [2, 1, 3]}, "signals out of order: 1"),
        ({"doubtful": [4]}, "signals never acknowledged: 1"),
        ({"versions": [5, 7]}, "gaps in the versions: 1"),
        ({"versions": [6]}, "gaps in the versions: 1"),
        ({"decoded": pictures(without=(103, 107))}, "streams with a gap over 3 s: 1"),
        ({"decoded": []}, "streams with a gap over 3 s: 1"),
        ({"told": [["media-lost", ""]]}, "told that media or somebody is gone: {'media-lost': 1}"),
        ({"told": [["participant-reconnecting", "a"]]}, "told that media or somebody is gone"),
        ({"hung_up": ["sending failed"]}, "connections that ended: {'sending failed': 1}"),
        ({"ended": "GET /messages: 410"}, "mailboxes that ended: 1"),
        ({"requests": account("", "")["requests"] | {"failed": ["POST /x: 503"]}}, "failed after retry: 1"),
    ],
)
def test_whatever_goes_wrong_is_seen(changed: dict[str, Any], told: str) -> None:
    assert any(told in line for line in verdict(**changed).wrong), verdict(**changed).text()


def test_a_run_in_which_nothing_was_said_proves_nothing() -> None:
    silent = {"acknowledged": [], "heard": [], "versions": []}
    found = judge(Records([account("a", "b", **silent), account("b", "a", **silent)]), ROLLING, CALM)
    assert found.wrong == ["signals acknowledged: 0", "versions heard: 0"]


def test_a_visitors_failure_counts() -> None:
    visitor = {"rounds": 1, "added": 0, "requests": account("", "")["requests"] | {"failed": ["500"]}}
    found = judge(Records([account("a", "b"), account("b", "a")], [visitor]), ROLLING, CALM)
    assert found.wrong == ["requests that failed after retry: 1", "500"]


def test_a_gap_counts_from_the_edges_of_its_window() -> None:
    assert longest_gap([101.0, 102.0], ROLLING) == 8
    assert longest_gap([99.9, 109.0], ROLLING) == 9
    assert longest_gap([], ROLLING) == 10


def test_a_gap_outside_of_the_window_is_not_in_it() -> None:
    callers = [account("a", "b", decoded=pictures(without=(112, 117)))]
    assert (gaps(callers, ROLLING).over(3), gaps(callers, CALM).over(3)) == (0, 1)


def test_what_was_heard_without_being_acknowledged_is_neither_lost_nor_doubled() -> None:
    found = signals([account("a", "b", heard=[1, 2, 3, 4]), account("b", "a", doubtful=[4])])
    assert (found.lost, found.doubled, found.out_of_order) == (0, 0, 0)


def test_versions_that_the_snapshot_had_are_no_gap() -> None:
    assert version_gaps(account("a", "b", snapshot=9, versions=[7, 8, 9, 10, 10, 11])) == 0
