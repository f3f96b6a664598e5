import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kurento_client.jsonrpc.wire import decode, encode

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_text_is_compact_sorted_and_ascii() -> None:
    assert encode({"b": "é", "a": [1, None]}) == '{"a":[1,null],"b":"\\u00e9"}'


@given(json_values)
def test_what_is_encoded_is_decoded_again(value: object) -> None:
    assert decode(encode(value)) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_no_json_are_not_sent(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode({"id": value})


@pytest.mark.parametrize(
    "text",
    ["", "{", "NaN", "[Infinity]", "-1e999", "[" * 100_000, b"\xff", json.dumps({}).encode("utf-16"), "1" * 9_999],
)
def test_what_a_strict_parser_refuses_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        decode(text)


def test_a_binary_frame_is_utf8() -> None:
    assert decode('{"a":"é"}'.encode()) == {"a": "é"}


@given(st.text() | st.binary())
def test_any_text_is_json_or_a_value_error(text: str | bytes) -> None:
    with contextlib.suppress(ValueError):
        decode(text)
