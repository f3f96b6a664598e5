"""Kurento's enumerations, spelt as on the wire (protocol 9.13)."""

from enum import StrEnum
from typing import Any, TypeVar

from kurento_client.decoding import text
from kurento_client.errors import unexpected

E = TypeVar("E", bound=StrEnum)


class MediaType(StrEnum):
    """What a connection or flow carries."""

    AUDIO = "AUDIO"
    VIDEO = "VIDEO"
    DATA = "DATA"


class ConnectionState(StrEnum):
    """`connectionState` and `mediaState`; a real Kurento never takes the first back (protocol 10.3)."""

    CONNECTED = "CONNECTED"
    DISCONNECTED = "DISCONNECTED"


class FlowState(StrEnum):
    """Whether media passes an element; NOT_FLOWING follows 2 to 2.5 s after the last buffer."""

    FLOWING = "FLOWING"
    NOT_FLOWING = "NOT_FLOWING"


class IceComponentState(StrEnum):
    """CONNECTED and READY both mean up and may alternate; neither READY nor FAILED is final (protocol 10.2)."""

    DISCONNECTED = "DISCONNECTED"
    GATHERING = "GATHERING"
    CONNECTING = "CONNECTING"
    CONNECTED = "CONNECTED"
    READY = "READY"
    FAILED = "FAILED"


class DtlsState(StrEnum):
    """State of one DTLS connection."""

    NEW = "NEW"
    CONNECTING = "CONNECTING"
    CONNECTED = "CONNECTED"
    CLOSED = "CLOSED"
    FAILED = "FAILED"


def member(kind: type[E], value: Any) -> E:
    """Read one member of an enumeration."""
    try:
        return kind(text(value))
    except ValueError:
        raise unexpected(f"a {kind.__name__}", value) from None
