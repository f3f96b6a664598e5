"""Ids: a type for each thing that has one, made new or derived, so that a repeat makes the same one."""

import os
import time
import uuid
from hashlib import sha1
from typing import NewType

SessionId = NewType("SessionId", str)
ParticipantId = NewType("ParticipantId", str)
ConnectionId = NewType("ConnectionId", str)
CommandId = NewType("CommandId", str)

_NAMESPACE = uuid.UUID("5bd5a0d4-6f0d-5d5e-9d3b-0c6d5ac1f7aa").bytes
_OTHER_BITS = ~(0xF << 76 | 0x3 << 62)


def new_id() -> str:
    """A UUIDv7 (RFC 9562, 5.7): 48 bits of milliseconds, then random bits, so that ids sort by age."""
    millis = time.time_ns() // 1_000_000
    return _uuid((millis & (1 << 48) - 1) << 80 | int.from_bytes(os.urandom(10), "big"), version=7)


def derived_id(*parts: str) -> str:
    """A UUIDv5 of its parts: a repeated command makes the same session, seat or connection (design 3.1).

    Each part is written with its length, so that ("ab", "c") and ("a", "bc") differ.
    """
    name = "".join([f"{len(part)}:{part}" for part in parts])
    digest = sha1(_NAMESPACE + name.encode(), usedforsecurity=False).digest()  # as RFC 9562, 5.5, has it
    return _uuid(int.from_bytes(digest[:16], "big"), version=5)


def _uuid(value: int, version: int) -> str:
    """A UUID of these bits as text; an object of ``uuid`` for each costs as much again (measured)."""
    text = f"{value & _OTHER_BITS | version << 76 | 2 << 62:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def session_made_by(command_id: CommandId) -> SessionId:
    """The id of the session that a command makes: a repeat makes the same one."""
    return SessionId(_made_by(command_id))


def participant_made_by(command_id: CommandId) -> ParticipantId:
    """The id of the seat that a command takes for a newcomer."""
    return ParticipantId(_made_by(command_id))


def connection_made_by(command_id: CommandId) -> ConnectionId:
    """The id of the connection that an offer makes."""
    return ConnectionId(_made_by(command_id))


def _made_by(command_id: CommandId) -> str:
    return derived_id("made", command_id)
