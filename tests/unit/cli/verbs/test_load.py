"""`callplane load`: its table has every figure of the load."""

from collections import Counter

import pytest

from cli.calls.load import Outcome, Plan
from cli.verbs.load import print_outcome


def test_the_table_says_what_took_how_long_and_what_was_lost(capsys: pytest.CaptureFixture[str]) -> None:
    times = {"joins": [0.01, 0.02, 0.09], "first_frames": [0.5], "delays": [0.004]}
    outcome = Outcome(Plan(), **times, sent=3, expected=6, received=5, doubled=1, kills=2, kbps=812.4)
    outcome.errors = Counter({"unavailable": 4, "unreachable": 1})
    print_outcome(outcome.row())
    told = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert told == [
        ["WHAT", "COUNT", "P50", "MS", "P99", "MS"],
        ["joins", "3", "20", "90"],
        ["first", "pictures", "1", "500", "500"],
        ["messages", "3", "4", "4"],
        [],
        ["lost", "1"],
        ["doubled", "1"],
        ["kills", "2"],
        ["kbps", "812"],
        ["errors", "4", "×", "unavailable,", "1", "×", "unreachable"],
    ]


def test_where_there_were_none_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_outcome(Outcome(Plan()).row())
    out = capsys.readouterr().out
    assert "first pictures  0      -       -" in out
    assert "errors   none" in out
