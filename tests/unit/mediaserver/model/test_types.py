"""Conversions of arguments."""

from typing import Any

import pytest

from kurento_client.jsonrpc import JsonRpcError
from mediaserver.model.types import (
    BOOLEAN,
    FLOAT,
    INT,
    STRING,
    EnumType,
    RecordType,
    Type,
    record,
    single,
    words,
)
from mediaserver.model.vocabulary import CANDIDATE, DSCP


class Nothing:
    """An object table that is empty."""

    def get(self, object_id: str) -> Any:
        """Find nothing."""
        raise LookupError(object_id)


@pytest.mark.parametrize(
    ("kind", "given", "read"),
    [
        (STRING, None, ""),
        (STRING, False, "false"),
        (STRING, 1.5, "1.5"),
        (INT, None, 0),
        (INT, True, 1),
        (INT, 2.0, 2),
        (FLOAT, 0.04, 0.03999999910593033),
        (FLOAT, None, 0.0),
        (BOOLEAN, 0, False),
        (BOOLEAN, None, False),
        (BOOLEAN, 2, True),
    ],
)
def test_what_passes(kind: Type, given: Any, read: Any) -> None:
    found = kind.read("x", given, Nothing())
    assert found == read
    assert type(found) is type(read)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (STRING, {}),
        (STRING, []),
        (INT, "0"),
        (INT, 1.5),
        (INT, {}),
        (FLOAT, "1"),
        (FLOAT, 1e300),
        (BOOLEAN, "yes"),
        (EnumType("E", words("", "A B")), "a"),
        (EnumType("E", words("", "A B")), 1),
        (CANDIDATE, "text"),
        (CANDIDATE, {"candidate": "", "sdpMid": "0"}),
    ],
)
def test_what_does_not(kind: Type, given: Any) -> None:
    with pytest.raises(JsonRpcError) as refused:
        kind.read("x", given, Nothing())
    assert refused.value.code == 40001


def test_records_know_their_kind() -> None:
    small = RecordType("Tag", {"key": STRING, "value": STRING}, frozenset({"value"}))
    assert small.read("t", record("Tag", key="k"), Nothing()) == {"key": "k"}
    assert small.read("t", {"__type__": "Other", "key": "k"}, Nothing()) == {"key": "k"}  # needs both to count
    for kind, code in (("IceCandidate", 40003), ("Nope", -32603)):
        with pytest.raises(JsonRpcError) as refused:
            small.read("t", record(kind, key="k"), Nothing())
        assert refused.value.code == code


def test_single_precision() -> None:
    assert single(0.8) == 0.800000011920929


def test_all_dscp_values_are_there() -> None:
    assert len(DSCP.words) == 42
