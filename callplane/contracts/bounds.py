"""Bounds: the most that a caller may send of each thing (design 8.3), and the field types that check it."""

from ipaddress import ip_address
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints

from callplane.contracts import ids, webhooks

BODY_BYTES = 256 * 1024
"""Of a body that holds an offer or candidates."""
SMALL_BODY_BYTES = 32 * 1024
"""Of every other body: metadata or data of 8 KiB, also where a client escapes every character that is not ASCII."""
SDP_BYTES = 64 * 1024
METADATA_BYTES = 8 * 1024
METADATA_STORED_BYTES = 16 * 1024
"""As BSON, where a digit may take eleven bytes: this is what everybody who reads the session pays for."""

SESSION_BYTES = 4 * 1024 * 1024
"""As BSON: far below MongoDB's 16 MiB, which what must always be possible (leaving, closing) may still add to."""

STATE_KEYS = 100
STATE_BYTES = 64 * 1024
"""Of all keys of a session, as BSON: this is what everybody who reads the session pays for."""

SIGNAL_DATA_BYTES = 8 * 1024
SIGNAL_TYPE_BYTES = 128
SIGNAL_RECEIVERS = 100
"""Named in one signal; a role counts as one."""
SIGNAL_TTL_MILLISECONDS = 60_000
REPORT_BYTES = 24 * 1024
"""Of a client, as JSON: what it knows of fifty connections."""
CANDIDATE_BYTES = 1024
CANDIDATES = 128
IDENTITY_BYTES = 256
"""OpenID Connect lets a ``sub`` have 255; who has a longer one sits there as nobody in particular."""
CONNECTIONS_PER_SEAT = 64
HIDDEN_SEATS = 16
"""Of a session, beside its ``max_participants``: recorders and supervisors, who are few."""
MAILBOX_LENGTH = 10_000
JSON_DEPTH = 32
WEBHOOKS_OF_TENANT = 50
WEBHOOK_TYPES = 50


def check_json(value: Any, limit: int) -> None:
    """Look no further than ``limit``: raises ValueError where the value's JSON text has more bytes, or is too deep.

    The text is not built, and what is refused costs no more than what is taken.
    """
    size, left = 0, [(value, 0)]
    while left:
        item, depth = left.pop()
        if depth > JSON_DEPTH:
            raise ValueError(f"nested deeper than {JSON_DEPTH} levels")
        if isinstance(item, dict):
            size += 2 + 4 * len(item)  # per member two quotes, a colon and a comma
            if size <= limit:
                size += sum(len(key.encode("utf-8", "surrogatepass")) for key in item)
                left.extend((one, depth + 1) for one in item.values())
        elif isinstance(item, list):
            size += 2 + len(item)
            if size <= limit:
                left.extend((one, depth + 1) for one in item)
        elif isinstance(item, str):
            size += 2 + len(item.encode("utf-8", "surrogatepass"))
        else:
            size += len(str(item))
        if size > limit:
            raise ValueError(f"longer than {limit} bytes of JSON")


def no_lone_surrogates(text: str) -> str:
    """Text that UTF-8 cannot carry is refused: neither BSON nor the broker could store it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds a lone surrogate, which UTF-8 cannot carry") from None
    return text


def is_text(text: str) -> bool:
    """Whether UTF-8 can carry it, and something is in it."""
    return bool(text) and not any("\ud800" <= character <= "\udfff" for character in text)


def storable(value: Any) -> Any:
    """A JSON value that can be stored and sent, which is all of them but those with lone surrogates.

    How the store holds what BSON has no place for is its own business (``callplane.store.free_json``).
    """
    if isinstance(value, dict):
        for key, item in value.items():
            no_lone_surrogates(key)
            storable(item)
    elif isinstance(value, list):
        for item in value:
            storable(item)
    elif isinstance(value, str):
        no_lone_surrogates(value)
    return value


def at_most(limit: int) -> AfterValidator:
    """A validator: the JSON text of the value has at most ``limit`` bytes and can be stored."""

    def check(value: Any) -> Any:
        check_json(value, limit)
        return storable(value)

    return AfterValidator(check)


def text_bytes(limit: int) -> AfterValidator:
    """A validator: the text has at most ``limit`` bytes as UTF-8."""

    def check(text: str) -> str:
        if len(no_lone_surrogates(text).encode()) > limit:
            raise ValueError(f"longer than {limit} bytes")
        return text

    return AfterValidator(check)


def _reachable(url: str) -> str:
    """A WebSocket address whose host and port can be looked up (RFC 6455, 3: it has no fragment)."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        ip_address(host)
    elif len(host) > 253:
        raise ValueError("the host name is too long")
    if parts.port == 0:
        raise ValueError("port 0 is nobody's")
    return url


Text = Annotated[str, AfterValidator(no_lone_surrogates)]
_ID = StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")
SessionId = Annotated[ids.SessionId, _ID]
ParticipantId = Annotated[ids.ParticipantId, _ID]
ConnectionId = Annotated[ids.ConnectionId, _ID]
WebhookId = Annotated[webhooks.WebhookId, _ID]
DeliveryId = Annotated[webhooks.DeliveryId, _ID]
_STATE_KEY = StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")
StateKey = Annotated[str, _STATE_KEY]
"""Of a session's shared state; no path of a URL that means another one begins so, and no property of an object."""
CustomId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,128}$")]
SessionName = Annotated[str, StringConstraints(pattern=r"^(\*|[A-Za-z0-9._-]{1,128})$")]
ServerName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:\[\]-]{1,128}$")]
ServerUrl = Annotated[
    str,
    StringConstraints(
        max_length=512,
        pattern=r"^wss?://([A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?(/[!-\"$-~]*)?$",
    ),
    AfterValidator(_reachable),
]
Name = Annotated[str, StringConstraints(max_length=128), AfterValidator(no_lone_surrogates)]
StatusText = Annotated[str, StringConstraints(max_length=256), AfterValidator(no_lone_surrogates)]
Subject = Annotated[str, StringConstraints(min_length=1), text_bytes(IDENTITY_BYTES)]
Identity = Annotated[str, StringConstraints(min_length=3), text_bytes(2 * IDENTITY_BYTES)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(no_lone_surrogates)]
Metadata = Annotated[dict[str, Any], at_most(METADATA_BYTES)]
Seats = Annotated[int, Field(ge=1, le=1000)]
Seconds = Annotated[int, Field(ge=0, le=86_400)]
GraceSeconds = Annotated[int, Field(ge=0, le=900)]
