"""Events over HTTP: the queries of a timeline and of the stream, one event, and a page of them."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from callplane.bus.stream_places import Place, parse_place
from callplane.bus.stream_ports import Start
from callplane.contracts.events import EventType
from callplane.contracts.ids import SessionId
from callplane.contracts.model import Body
from callplane.store.timeline import Part

_EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "01980000-0000-7000-8000-000000000000:2",
    "source": "/v1/sessions/01980000-0000-7000-8000-000000000000",
    "type": "participant-left",
    "subject": "0b6f0c6e-3f0f-5f55-9b52-6f6f0a3c1a11",
    "time": "2026-01-05T09:30:00Z",
    "datacontenttype": "application/json",
    "sessionid": "01980000-0000-7000-8000-000000000000",
    "sessionversion": 2,
    "tenant": "shop",
    "actor": "key:shop",
    "requestid": "01980000-0000-7000-8000-000000000001",
    "data": {"participant_id": "0b6f0c6e-3f0f-5f55-9b52-6f6f0a3c1a11", "reason": "kicked"},
}


class TimelineQuery(Body):
    """Of ``GET …/events``: those behind a version, of one type or of all."""

    after: Annotated[int, Field(ge=0, lt=2**53, description="only what came after this version")] = 0
    type: Annotated[EventType | None, Field(description="only events of this type")] = None
    limit: Annotated[
        int, Field(ge=1, le=500, description="so many changes at most, and requests that were refused")
    ] = 100

    def part(self) -> Part:
        """The same for the store."""
        return Part(self.after, self.type, self.limit)


class EventStreamQuery(Body):
    """Of ``GET /events``: where it begins, what it shows, and whether it ends."""

    from_: Annotated[
        str,
        Field(
            alias="from",
            max_length=64,
            description="`first`: the oldest that is kept; `next`: what comes from now on; an offset; or a time "
            "(RFC 3339) of coming to the stream, with some of before",
        ),
    ] = "next"
    cursor: Annotated[
        str | None,
        Field(max_length=64, description="the `id` of the last event that the client has, instead of `from`"),
    ] = None
    type: Annotated[tuple[EventType, ...], Field(max_length=50, description="only events of these types")] = ()
    session_id: Annotated[
        SessionId | None, Field(alias="session", max_length=128, description="only events of this session")
    ] = None
    follow: Annotated[bool, Field(description="false: it ends with the newest that there was when it began")] = True

    @field_validator("from_")
    @classmethod
    def _somewhere(cls, given: str) -> str:
        start_of(given)
        return given

    def place(self, last_event_id: str | None) -> Place | Start:
        """Where reading begins: behind the last that the client has, if it has any. Raises ValueError."""
        given = last_event_id or self.cursor
        return parse_place(given) if given else start_of(self.from_)


def start_of(text: str) -> Start:
    """What was written for a start. Raises ValueError."""
    match text:
        case "first" | "next":
            return text
    if text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    with suppress(ValueError):
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None and datetime(1970, 1, 1, tzinfo=UTC) <= at < datetime(9000, 1, 1, tzinfo=UTC):
            return at
    raise ValueError("write first, next, an offset, or a time with its zone like 2026-01-05T09:30:00Z")


class EventView(BaseModel):
    """One event, as it was published: CloudEvents 1.0."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EVENT]})

    specversion: str = Field(description="of CloudEvents: 1.0")
    id: str = Field(description="session and version, else a UUIDv7; the same however often it is published")
    source: str = Field(description="the session's path")
    type: str = Field(description="what happened, in the words of the messages; `request-refused`: what did not")
    subject: str | None = Field(None, description="the participant or connection that it is about")
    time: datetime = Field(description="when it happened")
    datacontenttype: str = Field(description="of `data`: application/json")
    sessionid: str = Field(description="the session's id")
    sessionversion: int | None = Field(None, description="the session's version after it; null: it changed nothing")
    tenant: str | None = Field(None, description="whose session it is; null: every key's")
    actor: str = Field(description="who asked: `key:…`, `identity:…`, `seat:…`, `open`; or `callplane`, by itself")
    requestid: str | None = Field(None, description="the `X-Request-Id` of the request that asked for it")
    data: dict[str, Any] = Field(
        description="of its message; of an update also `changes`, of this version alone; of a refusal its `problem`"
    )


class TimelinePage(BaseModel):
    """Some events of a session: the changes in the order of their versions, between them by time what was refused."""

    events: list[EventView] = Field(description="in the order of time; a refused request may be in two pages")
    next: int | None = Field(None, description="`after` of the next page; null: these are the last so far")
