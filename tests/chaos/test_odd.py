"""The checker on what odd clients do: values that must come back equal, closes that are repeated for too long."""

from typing import Any

import pytest

from testkit.clients.history import Attempt
from tests.chaos.checker import check
from tests.chaos.odd import RUBBISH
from tests.chaos.story import Story, seat
from tests.chaos.test_checker import only


@pytest.mark.parametrize("sent", [rubbish for rubbish in RUBBISH if rubbish])
def test_metadata_that_comes_back_otherwise_is_lost(sent: dict[str, Any]) -> None:
    story = Story()
    answer = seat("ann", 1)
    story.told_all("participant-updated", {"participant": answer})
    patch = story.did("ann", "patch", {"n": 1, "participant": "ann", "rubbish": sent}, answer)
    patch.answer["metadata"] |= sent
    assert check(story.history).clean
    key = next(iter(sent))
    patch.answer["metadata"][key] = "something else"
    only(check(story.history), "lost", f"came back with {key!r}: 'something else'")


@pytest.mark.parametrize(
    ("first", "pause", "fine"), [(None, 11, True), (503, 11, True), (None, 9, False), (429, 11, False)]
)
def test_a_close_finds_nothing_once_its_tombstone_may_be_gone(first: int | None, pause: float, fine: bool) -> None:
    story = Story()
    story.history.tombstone_seconds = 10
    story.told_all("session-closed", {"reason": "closed"})
    close = story.unanswered("room", "close")
    close.attempts[0].status = first
    story.now += pause
    close.attempts.append(Attempt(story.tick(), story.tick(), 404, "not-found"))
    close.outcome = "refused"
    wrong = check(story.history).wrong["broken"]
    assert wrong == ([] if fine else [f"close {close.n} of room was refused: not-found"])


def test_a_close_that_finds_nothing_at_once_is_broken() -> None:
    story = Story()
    story.history.tombstone_seconds = 0
    story.did("room", "close", {}, status=404).attempts[-1].code = "not-found"
    assert story.verdict().wrong["broken"]
