"""Events: what happened in sessions, as CloudEvents 1.0 in JSON, for an application's servers.

CloudEvents lets extension attributes have lower-case letters and digits only, and no objects: hence ``requestid``, and
an actor in one string.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import AwareDatetime, Field, StringConstraints

from callplane.contracts.commands import Caller
from callplane.contracts.ids import SessionId
from callplane.contracts.messages import Message
from callplane.contracts.model import Wire

VisibleType = Literal[
    "session-created",
    "session-updated",
    "state-changed",
    "session-closed",
    "participant-joined",
    "participant-left",
    "participant-updated",
    "participants-muted",
    "participant-reconnecting",
    "participant-reconnected",
    "stream-published",
    "stream-unpublished",
    "media-lost",
    "media-ready",
]
"""Changes of a session that everybody in it sees; each has a version."""

EventType = Literal[VisibleType, "request-refused"]
"""Those, and what never became one."""

EVENT_TYPES: tuple[str, ...] = tuple(kind for group in get_args(EventType) for kind in (get_args(group) or (group,)))
ACTOR_LENGTH = 512
EVENT_BYTES = 1024 * 1024
"""What is longer is kept by nobody: a document of MongoDB holds 16 MiB, and a batch of events goes into one command."""

_WORD = r"^[!-~]+$"
EventId = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=_WORD)]
"""Also sent as a header."""
EventTypeName = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=_WORD)]
EventText = Annotated[str, StringConstraints(max_length=1024)]
EventVersion = Annotated[int, Field(ge=0, lt=2**63)]
"""BSON's integers have 64 bits."""
EventTime = Annotated[AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9000, 1, 1, tzinfo=UTC))]
"""So far from both ends of the calendar that time zones and the days that it is kept stay inside."""


class CloudEvent(Wire):
    """One event: of any type, for a newer version has more, and within what can be kept.

    ``id`` is the same however often it comes: session and version where it has one, else a UUIDv7. ``tenant`` is null
    for a session of before there were tenants. ``actor`` is ``key:…``, ``identity:…`` (``iss:sub``), ``seat:…``,
    ``open``, or ``callplane`` where nobody asked for it.
    """

    specversion: Literal["1.0"] = "1.0"
    id: EventId
    source: EventText
    type: EventTypeName
    subject: EventText | None = None
    time: EventTime
    datacontenttype: Literal["application/json"] = "application/json"
    sessionid: Annotated[SessionId, StringConstraints(max_length=256)] | None = None
    sessionversion: EventVersion | None = None
    tenant: EventText | None = None
    actor: EventText = "callplane"
    requestid: EventText | None = None
    data: dict[str, Any]

    @property
    def routing_key(self) -> str:
        """``tenant.type``, as bindings to the exchange ``events`` match it."""
        return f"{routing_word(self.tenant)}.{self.type}"

    def body(self) -> bytes:
        """As JSON, without what it does not have."""
        return self.model_dump_json(exclude_none=True).encode()


def read_event(body: bytes) -> CloudEvent:
    """What came. Raises ValueError for what is no event, or none that could be kept."""
    if len(body) > EVENT_BYTES:
        raise ValueError(f"longer than {EVENT_BYTES} bytes")
    return CloudEvent.model_validate_json(body)


def session_event(message: Message, by: "Asked") -> CloudEvent:
    """A change of a session, as its message says it; the subject is the participant or connection that it names."""
    data = message.data
    subject = data.get("participant_id") or data.get("participant", {}).get("id") or data.get("connection_id")
    return CloudEvent(
        id=message.id,
        source=f"/v1/sessions/{message.session_id}",
        type=message.type,
        subject=subject,
        time=message.at,
        sessionid=message.session_id,
        sessionversion=message.version,
        tenant=by.tenant,
        actor=by.actor,
        requestid=by.request_id,
        data=data,
    )


def routing_word(tenant: str | None) -> str:
    """A tenant as one word of a routing key: dots part words there, ``*`` and ``#`` match them; none is ``-``."""
    if tenant is None:
        return "-"
    plain = (c if c.isascii() and (c.isalnum() or c in "_-") else _escaped(c) for c in tenant)
    return "".join(plain)[:200]


def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked for a change, by which request, and whose session it is."""

    actor: str = "callplane"
    request_id: str | None = None
    tenant: str | None = None


BY_ITSELF = Asked()
_asked: ContextVar[Asked] = ContextVar("asked", default=BY_ITSELF)


def who_asked() -> Asked:
    """Whoever asked for what is done now in this task; Callplane itself in a sweep or a chore (decision 7)."""
    return _asked.get()


@contextmanager
def asked_by(caller: Caller, request_id: str | None) -> Iterator[None]:
    """Inside, changes are this caller's."""
    token = _asked.set(Asked(actor_of(caller), request_id, caller.tenant))
    try:
        yield
    finally:
        _asked.reset(token)


def actor_of(caller: Caller) -> str:
    """In one string."""
    match caller.kind:
        case "key":
            actor = f"key:{caller.name}"
        case "access":
            actor = f"identity:{caller.name}"
        case "participant":
            actor = f"seat:{caller.participant_id}"
        case "open":
            actor = "open"
    return actor[:ACTOR_LENGTH]
