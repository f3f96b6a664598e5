"""A MediaRef goes into BSON and comes back; binary values of others pass as they are."""

from typing import Any

import bson
from bson.binary import Binary
from bson.codec_options import CodecOptions
from hypothesis import given
from hypothesis import strategies as st

from callplane.contracts.media import MediaRef
from callplane.store.mongo.media_codec import TYPE_REGISTRY

OPTIONS: CodecOptions[dict[str, Any]] = CodecOptions(type_registry=TYPE_REGISTRY)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


def through(value: Any) -> Any:
    """What MongoDB gives back for a value."""
    return bson.decode(bson.encode({"v": value}, codec_options=OPTIONS), codec_options=OPTIONS)["v"]


@given(NAMES, NAMES)
def test_a_reference_comes_back_as_it_went(server: str, id_: str) -> None:
    assert through(MediaRef(server, id_)) == MediaRef(server, id_)
    assert through([{"deep": MediaRef(server, id_)}]) == [{"deep": MediaRef(server, id_)}]


def test_strings_and_other_binaries_are_left_alone() -> None:
    assert through("media\0object") == "media\0object"
    assert through(b"media\0object") == b"media\0object"
    assert through(Binary(b"a\0b", 0x81)) == Binary(b"a\0b", 0x81)


def test_equal_references_are_equal_bytes_so_that_filters_find_them() -> None:
    def encoded(ref: MediaRef) -> bytes:
        return bson.encode({"v": ref}, codec_options=OPTIONS)

    assert encoded(MediaRef("a", "b")) == encoded(MediaRef("a", "b")) != encoded(MediaRef("ab", ""))
