"""Graph over HTTP: which connections carry the media of a session, for who looks into it."""

from typing import Annotated

from fastapi import APIRouter

from api.auth.permissions import Permissions
from api.dependencies import SCHEMES, ApiRequest, allowed
from api.guarded_route import GuardedRoute
from api.http.openapi import problems
from api.routes.sessions import SessionPath
from api.services import provided
from callplane.contracts.operations import GraphView
from callplane.contracts.refusals.sessions import session_not_found
from callplane.store.session_graph import SessionGraph

router = APIRouter(tags=["sessions"], route_class=GuardedRoute, dependencies=SCHEMES)


@router.get("/sessions/{session_id}/graph", summary="Look at what carries the media", responses=problems("not-found"))
async def look_at_graph(
    session_id: SessionPath,
    request: Annotated[ApiRequest, allowed(Permissions.diagnose)],
    graph: Annotated[SessionGraph, provided("session_graph")],
) -> GraphView:
    """The connections of everybody, without what they have negotiated, 500 at most; operators also see on which
    media server.
    """
    tenant = await request.permit(Permissions.diagnose, session_id)
    found = await graph.of(session_id, is_operator=tenant is None)
    if found is None:
        raise session_not_found()
    return found
