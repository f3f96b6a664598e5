"""Where a VP8 key frame begins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.media.packet import is_vp8_key_frame

KEY, INTER = 0x00, 0x01


@pytest.mark.parametrize(
    ("descriptor", "name"),
    [
        (b"\x10", "plain"),
        (b"\x90\x80\x05", "picture id of one byte"),
        (b"\x90\x80\x85\x05", "picture id of two bytes"),
        (b"\x90\x40\x01", "TL0PICIDX"),
        (b"\x90\x20\x01", "temporal layer"),
        (b"\x90\x10\x01", "key index"),
        (b"\x90\xf0\x85\x05\x01\x01", "all of them"),
        (b"\x90\x00", "extended by nothing"),
    ],
)
def test_the_first_packet_of_a_key_frame(descriptor: bytes, name: str) -> None:
    assert is_vp8_key_frame(descriptor + bytes([KEY]) + b"rest"), name
    assert not is_vp8_key_frame(descriptor + bytes([INTER]) + b"rest"), name


def test_other_packets_are_not() -> None:
    assert not is_vp8_key_frame(b"\x00" + bytes([KEY]) + b"not the start of a partition")
    assert not is_vp8_key_frame(b"\x11" + bytes([KEY]) + b"second partition")
    assert not is_vp8_key_frame(b"")
    assert not is_vp8_key_frame(b"\x10")


@given(st.binary(max_size=20))
def test_nothing_breaks_it(payload: bytes) -> None:
    assert is_vp8_key_frame(payload) in (True, False)
