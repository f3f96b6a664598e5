"""Frames of AMQP 0-9-1 that come with every message, told and read without a class for each; the rest is pamqp's.

The grammar is section 4.2 of the specification; methods are told by their class and number (its ``amqp-xml-doc0-9-1``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from struct import Struct
from typing import Any, NamedTuple

from pamqp import decode, encode

HEADER = Struct(">BHI")
"""Of every frame: type, channel, and how long what follows is, without the octet at its end."""
BEFORE, AROUND = 7, 8
"""Octets of that, and with the one at the end."""
END = 0xCE
METHOD, CONTENT_HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
TYPES = frozenset({METHOD, CONTENT_HEADER, BODY, HEARTBEAT})
A_HEARTBEAT = HEADER.pack(HEARTBEAT, 0, 0) + bytes([END])

CHANNEL_CLOSE, CHANNEL_CLOSE_OK = b"\x00\x14\x00\x28", b"\x00\x14\x00\x29"
CONNECTION_CLOSE, CONNECTION_CLOSE_OK = b"\x00\x0a\x00\x32", b"\x00\x0a\x00\x33"
CANCEL, CANCEL_OK = b"\x00\x3c\x00\x1e", b"\x00\x3c\x00\x1f"
PUBLISH, RETURN, DELIVER = b"\x00\x3c\x00\x28", b"\x00\x3c\x00\x32", b"\x00\x3c\x00\x3c"
ACK, NACK = b"\x00\x3c\x00\x50", b"\x00\x3c\x00\x78"

_SETTLED = Struct(">BHI4sQBB")
_SETTLED_SIZE = 13
_CONTENT = Struct(">HHQ")
_BASIC = 60
_TAG = Struct(">QB")
_LONG = Struct(">I")
_LONGEST_SHORT = 255
_MULTIPLE, _REQUEUE = 1, 2

# The flags of the properties that Callplane publishes with, and of those that others may use (section 4.2.6.1).
_CONTENT_TYPE, _HEADERS, _MODE, _CORRELATION, _REPLY_TO, _ID, _KIND = (1 << bit for bit in (15, 13, 12, 10, 9, 7, 5))
_ENCODING, _PRIORITY, _EXPIRATION, _TIMESTAMP, _MORE = (1 << bit for bit in (14, 11, 8, 6, 0))
_JSON = b"\x10application/json"
_NO_HEADERS = b"\x00\x00\x00\x00"
TRANSIENT = _MODE.to_bytes(2, "big") + b"\x01"
"""Properties of a message of which nothing is said but that a broker may lose it."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a message goes; ``mandatory`` makes an unroutable one an error."""

    exchange: str
    routing_key: str
    mandatory: bool


class Properties(NamedTuple):
    """What Callplane reads of a message's properties."""

    headers: Mapping[str, Any]
    correlation_id: str | None = None
    reply_to: str | None = None
    message_id: str | None = None


def settled(channel: int, method: bytes, tag: int, *, multiple: bool = False, requeue: bool = False) -> bytes:
    """Basic.Ack, or Basic.Nack, of a delivery, or with ``multiple`` of all until it."""
    bits = (_MULTIPLE if multiple else 0) | (_REQUEUE if requeue else 0)
    return _SETTLED.pack(METHOD, channel, _SETTLED_SIZE, method, tag, bits, END)


def confirmed(data: bytes, start: int) -> tuple[int, bool]:
    """Which publication a confirm is of, and whether of all before it too."""
    tag, bits = _TAG.unpack_from(data, start + 4)
    return tag, bool(bits & _MULTIPLE)


def publication(channel: int, address: Address, properties: bytes, body: bytes, most: int) -> bytes:
    """Basic.Publish, its header and its body, in frames whose content is no longer than ``most``.

    Raises ValueError for a name that is too long.
    """
    mandatory = b"\x01" if address.mandatory else b"\x00"
    method = b"".join((PUBLISH, b"\x00\x00", short(address.exchange), short(address.routing_key), mandatory))
    parts = [
        HEADER.pack(METHOD, channel, len(method)),
        method,
        b"\xce",
        HEADER.pack(CONTENT_HEADER, channel, _CONTENT.size + len(properties)),
        _CONTENT.pack(_BASIC, 0, len(body)),
        properties,
        b"\xce",
    ]
    for start in range(0, len(body), most):
        piece = body if len(body) <= most else body[start : start + most]
        parts += (HEADER.pack(BODY, channel, len(piece)), piece, b"\xce")
    return b"".join(parts)


def short(text: str) -> bytes:
    """A short string. Raises ValueError for one that is too long."""
    encoded = text.encode()
    if len(encoded) > _LONGEST_SHORT:
        raise ValueError(f"longer than {_LONGEST_SHORT} octets: {text[:40]!r}...")
    return bytes((len(encoded),)) + encoded


def properties_to_publish(
    message_id: str,
    *,
    headers: Mapping[str, str | int] | None,
    persistent: bool,
    others: tuple[str | None, str | None, str | None],
) -> bytes:
    """Properties of a JSON message; ``others`` are its correlation id, where to reply to, and its type."""
    correlation_id, reply_to, kind = others
    flags = _CONTENT_TYPE | _HEADERS | _MODE
    parts = [
        _JSON,
        _field_table(headers) if headers else _NO_HEADERS,
        b"\x02" if persistent else b"\x01",
    ]
    for flag, value in ((_CORRELATION, correlation_id), (_REPLY_TO, reply_to), (_ID, message_id), (_KIND, kind)):
        if value:
            flags |= flag
            parts.append(short(value))
    return flags.to_bytes(2, "big") + b"".join(parts)


def _field_table(headers: Mapping[str, str | int]) -> bytes:
    """Texts and small numbers, as Callplane's are; any other is left to pamqp as a whole."""
    parts: list[bytes] = []
    for name, value in sorted(headers.items()):
        if isinstance(value, str):
            text = value.encode()
            parts += (short(name), b"S", _LONG.pack(len(text)), text)
        elif -128 <= value <= 127:
            parts += (short(name), b"b", value.to_bytes(1, "big", signed=True))
        else:
            return encode.field_table(dict(headers))
    table = b"".join(parts)
    return _LONG.pack(len(table)) + table


def transient(message_id: str) -> bytes:
    """Properties of a message of which nothing else is said than its id, and that a broker may lose it."""
    return (_MODE | _ID).to_bytes(2, "big") + b"\x01" + short(message_id)


def consumer_tag(data: bytes, start: int) -> bytes:
    """The first argument of Basic.Deliver, Basic.Cancel and Basic.CancelOk."""
    return data[start + 5 : start + 5 + data[start + 4]]


def delivery_tag(method: bytes) -> tuple[int, bool]:
    """Of Basic.Deliver: by what it is acknowledged, and whether it was delivered before."""
    tag, redelivered = _TAG.unpack_from(method, 5 + method[4])
    return tag, bool(redelivered & 1)


def routing_key(deliver: bytes) -> str:
    """Of Basic.Deliver: its last argument."""
    exchange = 5 + deliver[4] + _TAG.size
    at = exchange + 1 + deliver[exchange]
    return deliver[at + 1 : at + 1 + deliver[at]].decode()


def body_size(header: bytes) -> int:
    """How long the body behind a content header is."""
    size: int = _CONTENT.unpack_from(header)[2]
    return size


def properties_of(header: bytes) -> Properties:
    """The properties in a content header."""
    at = _CONTENT.size + 2
    flags = int.from_bytes(header[at - 2 : at], "big")
    if flags & _MORE:
        raise ValueError("more properties than a message has")
    for flag in (_CONTENT_TYPE, _ENCODING):
        if flags & flag:
            at += 1 + header[at]
    headers: Mapping[str, Any] = {}
    if flags & _HEADERS:
        end = at + 4 + _LONG.unpack_from(header, at)[0]
        headers = _table(header, at, end)
        at = end
    at += bool(flags & _MODE) + bool(flags & _PRIORITY)
    correlation_id, at = _short_at(header, at) if flags & _CORRELATION else (None, at)
    reply_to, at = _short_at(header, at) if flags & _REPLY_TO else (None, at)
    if flags & _EXPIRATION:
        at += 1 + header[at]
    message_id = _short_at(header, at)[0] if flags & _ID else None
    return Properties(headers, correlation_id, reply_to, message_id)


def _short_at(data: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + data[at]
    if end > len(data):
        raise ValueError("a string that is cut off")
    return data[at + 1 : end].decode(), end


def _table(data: bytes, at: int, end: int) -> Mapping[str, Any]:
    """A field table: texts and small numbers, as Callplane's are; any other is left to pamqp as a whole."""
    found: dict[str, Any] = {}
    start, at = at, at + 4
    while at < end:
        name, at = _short_at(data, at)
        read = _VALUES.get(data[at])
        if read is None:
            return decode.field_table(data[start:end])[1]
        found[name], at = read(data, at + 1)
    return found


def _long_string(data: bytes, at: int) -> tuple[str | bytes, int]:
    end = at + 4 + _LONG.unpack_from(data, at)[0]
    value = data[at + 4 : end]
    try:
        return value.decode(), end
    except UnicodeDecodeError:
        return value, end


def _octet(data: bytes, at: int) -> tuple[int, int]:
    return int.from_bytes(data[at : at + 1], "big", signed=True), at + 1


_VALUES: dict[int, Callable[[bytes, int], tuple[Any, int]]] = {ord("S"): _long_string, ord("b"): _octet}
