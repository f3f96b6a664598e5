"""Processes over HTTP: which wrappers and pods live, and what waits in the queues that are always there."""

from typing import Annotated

from fastapi import APIRouter

from api.auth.permissions import Permissions
from api.dependencies import SCHEMES, ApiRequest, allowed
from api.guarded_route import GuardedRoute
from api.http.openapi import problems
from api.services import provided
from callplane.contracts.operations import ProcessesView
from callplane.store.processes import Processes

router = APIRouter(tags=["processes"], route_class=GuardedRoute, dependencies=SCHEMES, prefix="/processes")


@router.get("", summary="List processes", responses=problems("not-found"))
async def list_processes(
    request: Annotated[ApiRequest, allowed(Permissions.operate)], processes: Annotated[Processes, provided("processes")]
) -> ProcessesView:
    """Wrappers and API pods whose lease runs, as they said some seconds ago, and what waits for them."""
    request.permit(Permissions.operate)
    return await processes.read()
