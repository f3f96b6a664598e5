"""The line for what takes longer than a second."""

import io
import sys
import time

import pytest

from cli import waiting
from tests.unit.cli.test_progress import Terminal


def test_what_takes_long_is_shown_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "AFTER_SECONDS", 0.01)
    monkeypatch.setattr(sys, "stderr", out := Terminal())
    with waiting.waiting("asking") as shown:
        while "asking" not in out.getvalue():
            time.sleep(0.005)
        shown.say("still asking")
        while "still asking, 0 s" not in out.getvalue():
            time.sleep(0.005)
    assert out.getvalue().endswith("\r\x1b[2K")


@pytest.mark.parametrize("out", [Terminal(), io.StringIO()], ids=["over soon", "no terminal"])
def test_else_nothing_is_written(out: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", out)
    with waiting.waiting("asking"):
        pass
    assert out.getvalue() == ""
