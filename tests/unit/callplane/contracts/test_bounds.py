"""Bounds count bytes as they travel, and refuse what BSON or UTF-8 cannot hold."""

import json
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from callplane.contracts import bounds

Small = TypeAdapter(Annotated[Any, bounds.at_most(64)])
# without what JSON escapes: a bound is on the text, not on how it is spelt
TEXT = st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"], exclude_characters='"\\'))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4),
    max_leaves=12,
)


def containers(value: Any) -> int:
    """How many lists and objects have something in them: one comma too many is reckoned for each."""
    inside = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return bool(inside) + sum(map(containers, inside))


@given(VALUES)
def test_the_size_of_a_value_is_that_of_its_compact_json(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    size = len(text) + containers(value)
    bounds.check_json(value, size)
    with pytest.raises(ValueError, match="longer than"):
        bounds.check_json(value, size - 1)
    if size > 64:
        with pytest.raises(ValidationError, match="longer than 64 bytes"):
            Small.validate_python(value)
    else:
        assert Small.validate_python(value) == value


class Watched(list[Any]):
    """Counts how many of its items were looked at."""

    seen = 0

    def __iter__(self) -> Iterator[Any]:
        for item in super().__iter__():
            Watched.seen += 1
            yield item


def test_what_is_refused_costs_no_more_than_what_is_taken() -> None:
    """However many values there are, and however they are nested: no more are looked at than fit."""
    for value in (Watched([1] * 127_000), Watched([Watched([1] * 100) for _ in range(1000)])):
        Watched.seen = 0
        with pytest.raises(ValueError, match="longer than"):
            bounds.check_json(value, 8192)
        assert Watched.seen <= 8192


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"a": "\ud800"}, "surrogate"),
        ({"\udfff": 1}, "surrogate"),
    ],
)
def test_what_cannot_be_stored_is_refused(value: Any, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Small.validate_python(value)


def test_what_json_can_say_is_taken_as_it_is() -> None:
    value = {"$ref": "a", "$id": -(2**63) - 1, "": [2**63, True], "a\x00.b": 1.5, "__proto__": {}}
    assert TypeAdapter(Annotated[Any, bounds.at_most(256)]).validate_python(value) == value


def test_nesting_has_an_end() -> None:
    def nested(depth: int) -> Any:
        return [] if depth == 0 else [nested(depth - 1)]

    deep = TypeAdapter(Annotated[Any, bounds.at_most(10_000)])
    deep.validate_python(nested(bounds.JSON_DEPTH))
    with pytest.raises(ValidationError, match="nested deeper"):
        deep.validate_python(nested(bounds.JSON_DEPTH + 1))


def test_text_is_counted_in_bytes() -> None:
    four = TypeAdapter(Annotated[str, bounds.text_bytes(4)])
    assert four.validate_python("éé") == "éé"
    with pytest.raises(ValidationError, match="longer than 4 bytes"):
        four.validate_python("ééa")
    with pytest.raises(ValidationError, match="surrogate"):
        four.validate_python("\ud800")


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (bounds.CustomId, ["a", "A.b_c-9", "x" * 128], ["", "x" * 129, "a b", "a\n", "ä"]),
        (bounds.SessionId, ["a-1", "x" * 64], ["", "x" * 65, "a.b", "a\n"]),
        (bounds.ParticipantId, ["a-1", "x" * 64], ["", "x" * 65, "a.b", "a\n"]),
        (bounds.ConnectionId, ["a-1", "x" * 64], ["", "x" * 65, "a.b", "a\n"]),
        (bounds.Name, ["", "x" * 128, "ä"], ["x" * 129]),
        (bounds.Reason, ["x"], ["", "x" * 129]),
        (bounds.Seats, [1, 1000], [0, 1001]),
        (bounds.Seconds, [0, 86_400], [-1, 86_401]),
        (bounds.GraceSeconds, [0, 900], [901]),
    ],
)
def test_each_kind_ends_where_the_design_says(kind: Any, good: list[Any], bad: list[Any]) -> None:
    adapter = TypeAdapter(kind)
    for value in good:
        assert adapter.validate_python(value) == value
    for value in bad:
        with pytest.raises(ValidationError):
            adapter.validate_python(value)
