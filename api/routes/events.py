"""Events over HTTP: what happened in a session, and who asked for it, page by page."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.auth.permissions import Permissions
from api.dependencies import SCHEMES, ApiRequest, allowed
from api.guarded_route import GuardedRoute
from api.http.openapi import problems
from api.routes.sessions import SessionPath
from api.schemas.events import EventView, TimelinePage, TimelineQuery
from api.services import provided
from callplane.contracts.refusals.sessions import session_not_found
from callplane.store.timeline import Timeline

router = APIRouter(tags=["events"], route_class=GuardedRoute, dependencies=SCHEMES)


@router.get("/sessions/{session_id}/events", summary="Read what happened", responses=problems("not-found"))
async def read_timeline(
    session_id: SessionPath,
    query: Annotated[TimelineQuery, Query()],
    request: Annotated[ApiRequest, allowed(Permissions.audit)],
    timeline: Annotated[Timeline, provided("timeline")],
) -> TimelinePage:
    """Every visible change of the session, what was refused between them, and who asked; for some days, closed too.

    Of what one caller is refused again and again some is left out, and counted in the next (`untold`).
    """
    tenant = request.permit(Permissions.audit)
    story = await timeline.story(session_id, query.part(), tenant)
    if not story.events and not await timeline.knows(session_id, tenant):
        raise session_not_found()
    return TimelinePage(events=[EventView.model_validate(one) for one in story.events], next=story.next)
