"""Events over HTTP: the query of a timeline, one event, and a page of them."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from callplane.contracts.events import EventType
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
