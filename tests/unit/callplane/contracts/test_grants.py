"""Grants: presets of the roles, what is changed of them, and which of them a stream needs."""

from typing import Any, get_args

import pytest

from callplane.contracts.grants import HIDDEN, PRESETS, beyond, changed, granted, limited, needed, source_of, telling
from callplane.contracts.shapes import GrantChanges, Grants, Role, Source
from callplane.store.documents import Seat, Stream

ALL = list(get_args(Source))


def test_every_role_has_a_preset() -> None:
    assert PRESETS.keys() == set(get_args(Role))
    assert [PRESETS[role].publish for role in get_args(Role)] == [ALL, [], ALL]
    assert [role for role in get_args(Role) if PRESETS[role].moderate] == ["moderator"]


def test_what_can_be_granted_can_be_changed() -> None:
    assert GrantChanges.model_fields.keys() == Grants.model_fields.keys()


def test_a_seat_of_the_version_before_has_its_roles_preset() -> None:
    for role, preset in PRESETS.items():
        assert Seat.model_validate({"id": "p", "role": role}).may == preset


@pytest.mark.parametrize("name", Grants.model_fields)
def test_what_is_changed_counts_and_the_rest_is_the_roles(name: str) -> None:
    before = PRESETS["publisher"].model_dump()
    other: Any = ["screen"] if name == "publish" else not before[name]
    assert granted("publisher", GrantChanges(**{name: other})).model_dump() == {**before, name: other}


def test_a_role_gives_no_more_of_a_grant_than_the_join_has_named_of_it() -> None:
    named = GrantChanges(publish=["microphone"], chat=False, moderate=True)
    assert limited("publisher", named) == {"publish": ["microphone"], "chat": False}
    assert limited("subscriber", named) == {"chat": False}, "of nothing there is no less, and nothing is added"
    assert limited("moderator", None) == {}
    own = Grants(publish=["camera", "microphone"], signal=False, moderate=True)
    assert limited("moderator", named, own) == {"publish": ["microphone"], "chat": False, "signal": False}
    assert limited("moderator", None, PRESETS["moderator"]) == {}


def test_a_change_of_the_role_is_its_preset_anew_and_one_by_name_leaves_the_rest() -> None:
    before = GrantChanges(publish=["screen"], chat=False)
    assert changed("publisher", before, {"role": "moderator"}) == PRESETS["moderator"]
    assert changed("subscriber", before, {"grants": {"moderate": True}}) == Grants(
        publish=["screen"], chat=False, moderate=True
    )
    assert changed("publisher", None, {"name": "Ann"}) == PRESETS["publisher"]


def test_more_than_was_named_is_told_by_its_names() -> None:
    named = GrantChanges(publish=["microphone"], signal=False)
    assert beyond({"publish": ["camera"], "signal": True, "chat": True}, named) == ["publish", "signal"]
    assert beyond({"publish": [], "signal": False, "moderate": True}, named) == []
    assert beyond({"publish": ["camera"]}, None) == []


def test_what_a_hidden_seat_cannot_have_is_told_by_its_names() -> None:
    assert telling(GrantChanges(hidden=True, publish=[], signal=False, subscribe=True)) == []
    assert telling(GrantChanges(hidden=True, publish=["camera"], chat=True)) == ["publish", "chat"]
    assert telling(HIDDEN) == []
    seen = granted("moderator", HIDDEN).model_dump()
    assert [name for name, given in seen.items() if given] == ["subscribe", "hidden"]


@pytest.mark.parametrize(
    ("source", "media", "grants"),
    [
        ("camera", ["audio", "video"], {"camera", "microphone"}),
        ("camera", ["video"], {"camera"}),
        ("microphone", ["audio"], {"microphone"}),
        ("screen", ["audio", "video"], {"screen", "screen_audio"}),
        ("screen", ["video"], {"screen"}),
        ("screen", None, {"screen", "screen_audio"}),
        (None, ["audio", "video"], {"camera", "microphone"}),
        (None, ["audio"], {"microphone"}),
        (None, None, {"camera", "microphone"}),
    ],
)
def test_a_stream_needs_a_grant_for_what_is_seen_and_one_for_what_is_heard(
    source: Source | None, media: Any, grants: set[Source]
) -> None:
    assert set(needed(source_of(source, media), media)) == grants
    stream = Stream.model_validate({"participant_id": "p", "connection_id": "c", "media": media, "source": source})
    assert stream.is_within(Grants(publish=sorted(grants)))
    assert not any(stream.is_within(Grants(publish=sorted(grants - {one}))) for one in grants)
