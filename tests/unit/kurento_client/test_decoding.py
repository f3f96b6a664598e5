import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kurento_client import UnexpectedAnswer, decoding

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@dataclass(frozen=True)
class Point:
    x: int = field(metadata=decoding.at("X", decoding.integer))
    label: str = field(default="none", metadata=decoding.at("label", decoding.text))
    given: str = "nothing"


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (decoding.text, "a", "a"),
        (decoding.integer, 5, 5),
        (decoding.integer, "1795220604515", 1795220604515),
        (decoding.real, 5, 5.0),
        (decoding.flag, False, False),
        (decoding.record, {"a": 1}, {"a": 1}),
        (decoding.text_or_none, None, None),
        (decoding.loose_text, 1, "1"),
        (decoding.loose_text, "1", "1"),
    ],
)
def test_the_right_shape_is_read(read: Callable[[Any], Any], value: Any, expected: Any) -> None:
    assert read(value) == expected


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (decoding.text, None),
        (decoding.text, 5),
        (decoding.integer, True),
        (decoding.integer, 1.5),
        (decoding.integer, "-1"),
        (decoding.real, True),
        (decoding.real, "1"),
        (decoding.flag, 0),
        (decoding.record, []),
        (decoding.loose_text, None),
    ],
)
def test_the_wrong_shape_is_said(read: Callable[[Any], Any], value: Any) -> None:
    with pytest.raises(UnexpectedAnswer):
        read(value)


def test_null_is_an_empty_list() -> None:
    assert decoding.each(decoding.text, None) == ()
    assert decoding.each(decoding.text, ["a"]) == ("a",)


def test_a_dataclass_is_filled_from_its_members_and_what_is_given() -> None:
    assert decoding.fill(Point, {"X": 1, "unknown": 2}, given="g") == Point(1, "none", "g")
    assert decoding.fill(Point, {"X": 1, "label": "l"}) == Point(1, "l")


def test_a_missing_member_without_default_is_said() -> None:
    with pytest.raises(UnexpectedAnswer):
        decoding.fill(Point, {"label": "l"})


@given(anything)
def test_anything_is_a_point_or_unexpected(value: Any) -> None:
    with contextlib.suppress(UnexpectedAnswer):
        assert isinstance(decoding.fill(Point, value), Point)
