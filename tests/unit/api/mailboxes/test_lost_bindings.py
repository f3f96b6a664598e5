"""Whether a mailbox has been told what its session has published."""

from datetime import UTC, datetime

import pytest

from api.mailboxes.lost_bindings import CheckedBindings, version_of
from callplane.contracts.messages import Message


def body(version: int | None, data: dict[str, object] | None = None) -> bytes:
    """A message as it is published."""
    made = Message(id="s:1", type="t", session_id="s", version=version, at=datetime.now(UTC), data=data or {})
    return made.model_dump_json().encode()


@pytest.mark.parametrize("version", [1, 12, None])
def test_the_version_is_read_and_not_what_a_caller_has_sent(version: int | None) -> None:
    assert version_of(body(version, {"version": 99, "text": '"version":98'})) == version


def test_what_was_published_a_look_ago_must_have_come() -> None:
    """Not what was there before the first look, nor what came since the last."""
    told = CheckedBindings()
    assert [told.lacks(version, waiting=False) for version in (5, 6)] == [False, False]
    assert told.lacks(6, waiting=False)
    assert not told.lacks(7, waiting=False)
    told.receive(body(7))
    assert not told.lacks(7, waiting=False)


def test_what_waits_may_be_it() -> None:
    told = CheckedBindings()
    for version in (5, 6):
        told.lacks(version, waiting=False)
    assert not told.lacks(6, waiting=True)
    assert told.lacks(6, waiting=False)
