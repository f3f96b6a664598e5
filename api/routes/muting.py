"""Muting over HTTP: of everybody in a session but some, in one update."""

from typing import Annotated

from fastapi import APIRouter

from api.auth.permissions import Permissions
from api.dependencies import SCHEMES, ApiRequest, etag, idempotent
from api.dispatch.late_repeats import LateRepeats, answers_late
from api.guarded_route import GuardedRoute
from api.http.openapi import SEAT_PROBLEMS, headed, problems
from api.routes.sessions import SessionPath
from api.schemas.requests import MuteEverybodyBody
from callplane.contracts.commands import Envelope, EverybodyMuted, MuteEverybody

router = APIRouter(tags=["participants"], route_class=GuardedRoute, dependencies=SCHEMES)


@router.post(
    "/sessions/{session_id}/mute",
    status_code=204,
    summary="Mute everybody but some",
    responses={**problems(*SEAT_PROBLEMS, "key-reused"), **headed(204, "ETag")},
)
async def mute_everybody(
    session_id: SessionPath,
    body: MuteEverybodyBody,
    request: Annotated[ApiRequest, idempotent(Permissions.steer)],
) -> None:
    """Whoever sits there now: they may unmute themselves, and whoever joins later is not muted."""
    await request.permit(Permissions.steer, session_id)
    muted = await request.execute(session_id, MuteEverybody(media=body.media, but=body.but))
    request.response.headers["ETag"] = etag(muted.version)


@answers_late(MuteEverybody)
async def _muted(envelope: Envelope, _command: MuteEverybody, state: LateRepeats) -> EverybodyMuted:
    return EverybodyMuted(version=(await state.open_session(envelope.session_id)).version)
