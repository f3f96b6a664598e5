"""Given grants: what a participant may give, by role and by name, and what nobody but a key may."""

from typing import Any

import pytest

from callplane.contracts.errors import Refusal
from callplane.contracts.grants import changed
from callplane.contracts.ids import ParticipantId
from callplane.contracts.shapes import GrantChanges, Role
from callplane.store.documents import Seat
from wrapper.given_grants import given

PROMOTED: dict[str, Any] = {"role": "moderator"}
LET: dict[str, Any] = {"grants": {"moderate": True}}
NARROW = GrantChanges(publish=["microphone"], chat=False)


def seat(role: Role = "publisher", grants: GrantChanges | None = None, named: GrantChanges | None = None) -> Seat:
    return Seat(id=ParticipantId("one"), role=role, grants=grants, named=named)


WHOLE, LESS = seat("moderator"), seat("moderator", NARROW, NARROW)


def after(changes: dict[str, Any], whom: Seat, by: Seat | None) -> dict[str, Any] | str:
    """What the seat may do then; or the words in which that is refused."""
    try:
        return changed(whom.role, whom.grants, given(changes, whom, by)).model_dump()
    except Refusal as refusal:
        assert refusal.problem.code == "forbidden"
        return refusal.problem.detail


def test_a_role_gives_what_the_giver_has_of_it() -> None:
    assert given(PROMOTED, seat(), WHOLE) == PROMOTED
    assert given(PROMOTED, seat(), LESS) == {**PROMOTED, "grants": {"publish": ["microphone"], "chat": False}}
    assert given(PROMOTED, seat(), None) == PROMOTED


def test_by_name_no_more_than_the_giver_has_and_nothing_is_taken_unasked() -> None:
    assert "of publish, chat" in after(LET, seat(), LESS)
    assert given(LET, seat("subscriber", GrantChanges(chat=False)), LESS) == LET
    more = {**PROMOTED, "grants": {"publish": ["camera"]}}
    assert "of publish." in after(more, seat(), LESS)
    assert given(more, seat(), WHOLE) == more
    assert given(more, seat(), None) == more


def test_who_moderates_gives_itself_nothing() -> None:
    speaker = seat("publisher", GrantChanges(publish=["microphone"], moderate=True))
    assert "of publish." in after({"grants": {"publish": ["camera"]}}, speaker, speaker)
    told = after(PROMOTED, speaker, speaker)
    assert isinstance(told, dict)
    assert told["publish"] == ["microphone"]
    assert given({"role": "publisher"}, speaker, speaker) == {"role": "publisher"}, "which does not moderate"


def test_who_does_not_moderate_then_may_have_more_than_the_giver() -> None:
    assert given({"grants": {"publish": ["camera"]}}, seat(), LESS) == {"grants": {"publish": ["camera"]}}
    assert given({"role": "publisher"}, WHOLE, LESS) == {"role": "publisher"}, "moderation is taken from anybody"


@pytest.mark.parametrize("changes", [PROMOTED, LET])
def test_what_the_join_has_named_is_the_most(changes: dict[str, Any]) -> None:
    never = seat(named=GrantChanges(moderate=False))
    assert "gives less of moderate" in after(changes, never, WHOLE)
    told = after(PROMOTED, seat(named=GrantChanges(publish=["camera"], signal=False)), WHOLE)
    assert isinstance(told, dict)
    assert (told["publish"], told["signal"], told["moderate"]) == (["camera"], False, True)
    by_key = after(LET, never, None)
    assert isinstance(by_key, dict)
    assert by_key["moderate"], "a key gives more, by name"


@pytest.mark.parametrize("changes", [PROMOTED, LET, {"role": "subscriber"}, {"grants": {"chat": False}}])
def test_who_does_not_moderate_gives_and_takes_nothing(changes: dict[str, Any]) -> None:
    assert "Only a moderator" in after(changes, seat(), seat("moderator", GrantChanges(moderate=False)))
    assert "Only a moderator" in after(changes, seat(), seat())
