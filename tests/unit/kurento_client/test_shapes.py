import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kurento_client import UnexpectedAnswer, shapes

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@dataclass(frozen=True)
class Point:
    x: int = field(metadata=shapes.at("X", shapes.integer))
    label: str = field(default="none", metadata=shapes.at("label", shapes.text))
    given: str = "nothing"


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (shapes.text, "a", "a"),
        (shapes.integer, 5, 5),
        (shapes.integer, "1795220604515", 1795220604515),
        (shapes.real, 5, 5.0),
        (shapes.flag, False, False),
        (shapes.record, {"a": 1}, {"a": 1}),
        (shapes.text_or_none, None, None),
        (shapes.loose_text, 1, "1"),
        (shapes.loose_text, "1", "1"),
    ],
)
def test_the_right_shape_is_read(read: Callable[[Any], Any], value: Any, expected: Any) -> None:
    assert read(value) == expected


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (shapes.text, None),
        (shapes.text, 5),
        (shapes.integer, True),
        (shapes.integer, 1.5),
        (shapes.integer, "-1"),
        (shapes.real, True),
        (shapes.real, "1"),
        (shapes.flag, 0),
        (shapes.record, []),
        (shapes.loose_text, None),
    ],
)
def test_the_wrong_shape_is_said(read: Callable[[Any], Any], value: Any) -> None:
    with pytest.raises(UnexpectedAnswer):
        read(value)


def test_null_is_an_empty_list() -> None:
    assert shapes.each(shapes.text, None) == ()
    assert shapes.each(shapes.text, ["a"]) == ("a",)


def test_a_dataclass_is_filled_from_its_members_and_what_is_given() -> None:
    assert shapes.fill(Point, {"X": 1, "unknown": 2}, given="g") == Point(1, "none", "g")
    assert shapes.fill(Point, {"X": 1, "label": "l"}) == Point(1, "l")


def test_a_missing_member_without_default_is_said() -> None:
    with pytest.raises(UnexpectedAnswer):
        shapes.fill(Point, {"label": "l"})


@given(anything)
def test_anything_is_a_point_or_unexpected(value: Any) -> None:
    with contextlib.suppress(UnexpectedAnswer):
        assert isinstance(shapes.fill(Point, value), Point)
