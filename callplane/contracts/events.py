"""Events: what happened in sessions, as CloudEvents 1.0 in JSON, for an application's servers.

CloudEvents lets extension attributes have lower-case letters and digits only, and no objects: hence ``requestid``, and
an actor in one string.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast, get_args

from callplane.contracts.commands import Caller
from callplane.contracts.ids import SessionId
from callplane.contracts.messages import Message
from callplane.contracts.model import Wire

VisibleType = Literal[
    "session-created",
    "session-updated",
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


class CloudEvent(Wire):
    """One event. ``id`` is the same however often it comes: session and version where it has one, else a UUIDv7.

    ``tenant`` is null for a session of before there were tenants. ``actor`` is ``key:…``, ``identity:…`` (``iss:sub``),
    ``seat:…``, ``open``, or ``callplane`` where nobody asked for it.
    """

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    type: EventType
    subject: str | None = None
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    sessionid: SessionId | None = None
    sessionversion: int | None = None
    tenant: str | None = None
    actor: str = "callplane"
    requestid: str | None = None
    data: dict[str, Any]

    @property
    def routing_key(self) -> str:
        """``tenant.type``, as bindings to the exchange ``events`` match it."""
        return f"{routing_word(self.tenant)}.{self.type}"

    def body(self) -> bytes:
        """As JSON, without what it does not have."""
        return self.model_dump_json(exclude_none=True).encode()


def session_event(message: Message, by: "Asked") -> CloudEvent:
    """A change of a session, as its message says it; the subject is the participant or connection that it names."""
    data = message.data
    subject = data.get("participant_id") or data.get("participant", {}).get("id") or data.get("connection_id")
    return CloudEvent(
        id=message.id,
        source=f"/v1/sessions/{message.session_id}",
        type=cast(EventType, message.type),
        subject=subject,
        time=message.at,
        sessionid=message.session_id,
        sessionversion=message.version,
        tenant=by.tenant,
        actor=by.actor,
        requestid=by.request_id,
        data=data,
    )


def is_visible(type_: str) -> bool:
    """Whether a message of this type tells of a change of the session."""
    return type_ in EVENT_TYPES


def routing_word(tenant: str | None) -> str:
    """A tenant as one word of a routing key: dots part words there, ``*`` and ``#`` match them; none is ``-``."""
    if tenant is None:
        return "-"
    return "".join(c if c.isalnum() or c in "_-" else "".join(f"%{b:02X}" for b in c.encode()) for c in tenant)[:200]


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
