"""Free JSON goes into BSON and comes back equal; it is stored as it is wherever that comes back so."""

from typing import Any

import bson
import pytest
from bson import DBRef, Int64, ObjectId
from bson.binary import Binary
from hypothesis import example, given

from callplane.store.free_json import restored, stored
from testkit.fakes.json_values import EXAMPLES, VALUES, same


def through(value: Any) -> Any:
    """What MongoDB gives back for a value."""
    return bson.decode(bson.encode({"v": value}))["v"]


@given(VALUES)
@example(EXAMPLES[0])
def test_what_goes_in_comes_out(value: Any) -> None:
    assert same(restored(through(stored(value))), value)


@pytest.mark.parametrize("value", EXAMPLES)
def test_the_known_ones_come_out(value: Any) -> None:
    assert same(restored(through(stored(value))), value)


@pytest.mark.parametrize("value", [{"a.b": {"": {"__proto__": [1, None, 2**63 - 1, "$x"]}}}, {"json": "text"}, {}])
def test_what_bson_gives_back_is_stored_as_it_is(value: Any) -> None:
    assert stored(value) == value


def test_only_the_part_that_needs_it_is_stored_otherwise() -> None:
    written = stored({"name": "Ann", "n": {"$ref": "a", "$id": "b"}, "list": [1, 2**64]})
    assert written["name"] == "Ann"
    assert written["list"][0] == 1
    assert all(isinstance(part["json"], Binary) for part in (written["n"], written["list"][1]))


def test_what_an_older_version_wrote_as_it_was_is_read() -> None:
    assert restored(through({"n": {"$ref": "a", "$id": {"$ref": "b", "$id": 3}, "x": 1}})) == {
        "n": {"$ref": "a", "$id": {"$ref": "b", "$id": 3}, "x": 1}
    }
    assert type(restored(through({"n": 2**40}))["n"]) is Int64


@pytest.mark.parametrize("value", [ObjectId(), b"bytes", {"json": b"bytes"}, [DBRef("a", ObjectId())]])
def test_what_is_no_json_is_not_read(value: Any) -> None:
    with pytest.raises(ValueError, match="no JSON"):
        restored({"a": value})
