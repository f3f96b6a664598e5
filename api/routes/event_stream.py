"""Stream of events over HTTP: everything that happened for a while back, and what comes, as server-sent events."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from api.auth.permissions import Permissions
from api.dependencies import SCHEMES, ApiRequest, allowed
from api.dispatch.event_readers import EventFilter, EventReaders
from api.guarded_route import GuardedRoute
from api.http.openapi import problems
from api.schemas.events import EventStreamQuery
from api.services import provided
from api.streaming.event_stream import EventStreamResponse, Reading
from api.streaming.sse import MEDIA_TYPE
from callplane.contracts.refusals.requests import cursor_not_valid
from callplane.contracts.refusals.sessions import session_not_found
from callplane.store.timeline import Timeline

router = APIRouter(tags=["events"], route_class=GuardedRoute, dependencies=SCHEMES)

EXAMPLE = (
    "retry: 1000\n\nid: 41-0f6ee1c7\n"
    'data: {"specversion":"1.0","id":"s:2","source":"/v1/sessions/s","type":"participant-left",'
    '"time":"2026-01-05T09:30:00Z","sessionid":"s","sessionversion":2,"tenant":"shop","actor":"key:shop",'
    '"data":{"participant_id":"p","reason":"left"}}\n\n'
)


@router.get(
    "/events",
    summary="Read what happens in all sessions",
    response_class=Response,
    responses={
        **problems("not-found"),
        200: {
            "description": "One event an event of the tenant's sessions, CloudEvents 1.0 as published, its `id` "
            "the cursor behind it; `beat` at least every 10 s, whose `id` is the cursor behind what was not shown. "
            "`resync-required` comes first where what stood at the cursor is not kept any more: events may be missing "
            "before the next. `complete` is the last of a reading that was not to follow. The event `end` carries the "
            "problem that ended it.",
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": EXAMPLE}},
        },
    },
)
async def read_stream(
    query: Annotated[EventStreamQuery, Query()],
    request: Annotated[ApiRequest, allowed(Permissions.audit)],
    readers: Annotated[EventReaders, provided("event_readers")],
    timeline: Annotated[Timeline, provided("timeline")],
    last_event_id: Annotated[str | None, Header(max_length=64, description="as `cursor`, and before it")] = None,
) -> Response:
    """In the order in which it was published; an event may come twice, under the id that it had."""
    tenant = request.permit(Permissions.audit)
    try:
        start = query.place(last_event_id)
    except ValueError:
        raise cursor_not_valid() from None
    if query.session_id is not None and not await timeline.knows(query.session_id, tenant):
        raise session_not_found()
    shown = EventFilter(tenant, frozenset(query.type), query.session_id)
    return EventStreamResponse(readers, Reading(start, shown, query.follow))
