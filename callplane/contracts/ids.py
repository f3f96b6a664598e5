"""Ids: a type for each thing that has one, made new or derived, so that a repeat makes the same one."""

import secrets
import time
import uuid
from typing import NewType

SessionId = NewType("SessionId", str)
ParticipantId = NewType("ParticipantId", str)
ConnectionId = NewType("ConnectionId", str)
CommandId = NewType("CommandId", str)

_NAMESPACE = uuid.UUID("5bd5a0d4-6f0d-5d5e-9d3b-0c6d5ac1f7aa")


def new_id() -> str:
    """A UUIDv7 (RFC 9562, 5.7): 48 bits of milliseconds, then random bits, so that ids sort by age."""
    millis = time.time_ns() // 1_000_000
    value = (millis & (1 << 48) - 1) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return str(uuid.UUID(int=value))


def derived_id(*parts: str) -> str:
    """A UUIDv5 of its parts: a repeated command makes the same session, seat or connection (design 3.1).

    Each part is written with its length, so that ("ab", "c") and ("a", "bc") differ.
    """
    return str(uuid.uuid5(_NAMESPACE, "".join(f"{len(part)}:{part}" for part in parts)))


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
