"""RTP packet on its way through the server: the encoded payload and what must be rewritten."""

import struct
from dataclasses import dataclass
from typing import Any

HEADER = struct.Struct("!BBHII")
"""RFC 3550, 5.1: flags, marker and payload type, sequence number, timestamp, SSRC."""


@dataclass(slots=True)
class Packet:
    """One packet of a publisher; `sequence` counts on beyond 16 bits, `stream` is where it came from."""

    stream: Any
    sequence: int
    timestamp: int
    marker: int
    payload: bytes
    key: bool


def is_vp8_key_frame(payload: bytes) -> bool:
    """Whether this packet starts a key frame (RFC 7741, 4.2 and 4.3)."""
    if len(payload) < 2 or payload[0] & 0x17 != 0x10:  # S set and partition 0
        return False
    at = 1
    if payload[0] & 0x80:
        extended = payload[1]
        at = 2
        if extended & 0x80:  # a picture id of one or two bytes
            at += 2 if at < len(payload) and payload[at] & 0x80 else 1
        at += bool(extended & 0x40) + bool(extended & 0x30)
    return at < len(payload) and not payload[at] & 0x01
