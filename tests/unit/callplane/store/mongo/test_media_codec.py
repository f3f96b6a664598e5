"""A MediaRef goes into BSON and comes back; binary values of others pass as they are."""

from datetime import UTC, datetime
from typing import Any

import bson
from bson.binary import Binary
from bson.codec_options import CodecOptions
from hypothesis import given
from hypothesis import strategies as st

from callplane.contracts.media import MediaRef
from callplane.store.documents import Chore, ConnectionDocument
from callplane.store.mongo.media_codec import TYPE_REGISTRY, media_ref

OPTIONS: CodecOptions[dict[str, Any]] = CodecOptions(type_registry=TYPE_REGISTRY)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


def stored(value: Any) -> Any:
    """What MongoDB gives back for a value."""
    return bson.decode(bson.encode({"v": value}, codec_options=OPTIONS), codec_options=OPTIONS)["v"]


def through(value: Any) -> Any:
    """What is read of it where a reference may stand."""
    return media_ref(stored(value))


@given(NAMES, NAMES)
def test_a_reference_comes_back_as_it_went(server: str, id_: str) -> None:
    assert through(MediaRef(server, id_)) == MediaRef(server, id_)
    ref = MediaRef(server, id_)
    chore = stored({"id": "c", "do": "release", "at": datetime.now(UTC), "with": {"media": ref, "server_id": "p"}})
    assert Chore.model_validate(chore).with_ == {"media": ref, "server_id": "p"}
    one = stored({"_id": "k", "session_id": "s", "participant_id": "p", "state": "ready", "endpoint": ref})
    assert ConnectionDocument.model_validate(one).endpoint == ref


def test_strings_and_other_binaries_are_left_alone() -> None:
    assert through("media\0object") == "media\0object"
    assert through(b"media\0object") == b"media\0object"
    assert through(Binary(b"a\0b", 0x81)) == Binary(b"a\0b", 0x81)


def test_equal_references_are_equal_bytes_so_that_filters_find_them() -> None:
    def encoded(ref: MediaRef) -> bytes:
        return bson.encode({"v": ref}, codec_options=OPTIONS)

    assert encoded(MediaRef("a", "b")) == encoded(MediaRef("a", "b")) != encoded(MediaRef("ab", ""))


def test_what_is_no_text_is_no_reference_and_answers_are_read_by_the_driver_in_one_go() -> None:
    """With a decoder in the registry it reads each of them in Python."""
    assert through(Binary(b"\xff\0b", 0x80)) == Binary(b"\xff\0b", 0x80)
    assert not TYPE_REGISTRY._decoder_map
