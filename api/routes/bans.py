"""Bans over HTTP: who may not join a session; list and lift."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.auth.permissions import Permissions
from api.dependencies import SCHEMES, ApiRequest, allowed
from api.guarded_route import GuardedRoute
from api.http.openapi import SEAT_PROBLEMS, problems
from api.routes.sessions import SessionPath
from api.schemas.responses import BanList, BanView
from api.services import provided
from callplane.contracts import bounds
from callplane.contracts.refusals.sessions import session_not_found
from callplane.store.bans import Bans

router = APIRouter(tags=["bans"], route_class=GuardedRoute, dependencies=SCHEMES, prefix="/sessions/{session_id}/bans")

Steered = Annotated[ApiRequest, allowed(Permissions.steer)]
StoredBans = Annotated[Bans, provided("bans")]


@router.get("", summary="List bans", responses=problems(*SEAT_PROBLEMS))
async def list_bans(session_id: SessionPath, request: Steered, bans: StoredBans) -> BanList:
    """Those that stand, the oldest first; a kick makes one of each identity that it shows out."""
    await request.permit(Permissions.steer, session_id)
    found = await bans.of_session(session_id)
    if found is None:
        raise session_not_found()
    return BanList(bans=[BanView(**ban.model_dump()) for ban in found])


@router.delete("/{identity:path}", status_code=204, summary="Lift a ban", responses=problems(*SEAT_PROBLEMS))
async def lift_ban(
    session_id: SessionPath,
    identity: Annotated[bounds.Identity, Path(description="who may join again, `iss:sub`")],
    request: Steered,
    bans: StoredBans,
) -> None:
    """Who it was may join again, in a new seat. Again: nothing more."""
    await request.permit(Permissions.steer, session_id)
    await request.require_connected()
    if not await bans.lift(session_id, identity):
        raise session_not_found()
