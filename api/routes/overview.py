"""Overview over HTTP: what a tenant has open, in figures that cost the same however much it is."""

from typing import Annotated

from fastapi import APIRouter

from api.auth.permissions import Permissions
from api.dependencies import SCHEMES, ApiRequest, allowed
from api.guarded_route import GuardedRoute
from api.http.openapi import problems
from api.services import provided
from callplane.contracts.operations import OverviewView
from callplane.store.overview import Overview

router = APIRouter(tags=["overview"], route_class=GuardedRoute, dependencies=SCHEMES, prefix="/overview")


@router.get("", summary="Get the overview", responses=problems())
async def overview(
    request: Annotated[ApiRequest, allowed(Permissions.list_sessions)],
    figures: Annotated[Overview, provided("overview")],
) -> OverviewView:
    """How much is open of what the key reaches, and which sessions are in trouble; up to two seconds old."""
    return await figures.of(request.permit(Permissions.list_sessions))
