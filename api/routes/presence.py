"""Presence over HTTP: of one identity in the sessions of a caller, and of everybody in one session."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.auth.permissions import Permissions
from api.dependencies import SCHEMES, ApiRequest, allowed
from api.guarded_route import GuardedRoute
from api.http.openapi import SEAT_PROBLEMS, problems
from api.routes.sessions import SessionPath
from api.schemas.responses import PresenceList, SeatPresence
from api.services import provided
from callplane.contracts import bounds
from callplane.contracts.ids import SessionId
from callplane.store.documents import Seat
from callplane.store.presences import Presences

SESSIONS = 100

router = APIRouter(tags=["presence"], route_class=GuardedRoute, dependencies=SCHEMES)


@router.get("/presence", summary="Look at the presence of an identity", responses=problems(*SEAT_PROBLEMS))
async def of_identity(
    identity: Annotated[bounds.Identity, Query(description="`iss:sub`, or the API key's name and what it called it")],
    request: Annotated[ApiRequest, allowed(Permissions.presence)],
    presences: Annotated[Presences, provided("presences")],
) -> PresenceList:
    """Where it sits, in the first 100 of the open sessions that it may see: a token's own, a key's tenant's.

    An identity that sits nowhere has an empty list.
    """
    scope = await request.permit(Permissions.presence)
    found = await presences.of(identity, scope.session, scope.tenant, SESSIONS)
    return PresenceList(presence=[_shown(one.id, seat) for one in found for seat in one.participants])


@router.get(
    "/sessions/{session_id}/presence",
    summary="Look at the presence of everybody in a session",
    responses=problems(*SEAT_PROBLEMS),
)
async def of_session(
    session_id: SessionPath, request: Annotated[ApiRequest, allowed(Permissions.read)]
) -> PresenceList:
    """With when each was last active, which has no event and so is in no snapshot."""
    session = await request.permit(Permissions.read, session_id)
    return PresenceList(presence=[_shown(session.id, seat) for seat in session.participants])


def _shown(session_id: SessionId, seat: Seat) -> SeatPresence:
    return SeatPresence(
        session_id=session_id,
        participant_id=seat.id,
        name=seat.name,
        state=seat.state,
        presence=seat.presence,
        hand_raised_at=seat.hand_raised_at,
        last_active_at=seat.last_active_at,
    )
