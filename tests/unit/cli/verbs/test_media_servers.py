"""Waiting for a drained media server: for its sessions, and for what is released a moment after they have left."""

import argparse
from typing import Any, cast

import pytest

from cli.verbs import media_servers
from cli.verbs.media_servers import _emptied
from cli.verbs.server import Failed

SHOWN = {"sessions": 0, "pipelines": 0, "detail": ""}


class Answers:
    """An API that says one after the other, and then the last again and again."""

    def __init__(self, *shown: dict[str, Any]) -> None:
        self.shown = list(shown)

    def ask(self, _method: str, _path: str) -> dict[str, Any]:
        """The next."""
        return self.shown.pop(0) if len(self.shown) > 1 else self.shown[0]


def waited(*shown: dict[str, Any], wait: float = 5) -> dict[str, Any]:
    """What is shown at the end, after these."""
    first, *later = ({**SHOWN, **one} for one in shown)
    given = argparse.Namespace(name="kms", wait=wait)
    return _emptied(given, cast(Any, Answers(*later, later[-1] if later else first)), first)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No second between two looks."""
    monkeypatch.setattr(media_servers, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(media_servers, "PIPELINES_SECONDS", 0.05)


def test_it_is_empty_when_the_pipelines_are_gone_too() -> None:
    assert waited({"sessions": 2, "pipelines": 2}, {"sessions": 0, "pipelines": 1}, {"pipelines": 0}) == SHOWN


def test_pipelines_of_others_and_unknown_ones_hold_nobody_up_for_long() -> None:
    assert waited({"pipelines": 3}) == {**SHOWN, "pipelines": 3}
    assert waited({"pipelines": None}) == {**SHOWN, "pipelines": None}


def test_sessions_that_stay_are_a_failure() -> None:
    with pytest.raises(Failed, match="kms still has 1 sessions"):
        waited({"sessions": 1}, wait=0.01)
