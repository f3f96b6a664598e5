"""Mailbox over HTTP: whether a participant's messages are read, and how far it is behind, for who looks into it."""

from typing import Annotated

from fastapi import APIRouter

from api.auth.permissions import Permissions
from api.dependencies import SCHEMES, ApiRequest, allowed
from api.guarded_route import GuardedRoute
from api.http.openapi import problems
from api.routes.participants import ParticipantPath
from api.routes.sessions import SessionPath
from api.services import provided
from callplane.contracts.operations import MailboxView
from callplane.contracts.refusals.sessions import participant_not_found
from callplane.store.mailbox_lag import MailboxLag

router = APIRouter(tags=["participants"], route_class=GuardedRoute, dependencies=SCHEMES)


@router.get(
    "/sessions/{session_id}/participants/{participant_id}/mailbox",
    summary="Look at a mailbox",
    responses=problems("not-found"),
)
async def look_at_mailbox(
    session_id: SessionPath,
    participant_id: ParticipantPath,
    request: Annotated[ApiRequest, allowed(Permissions.diagnose)],
    lag: Annotated[MailboxLag, provided("mailbox_lag")],
) -> MailboxView:
    """Who reads a participant's messages now, if anybody, and how many it has not acknowledged: for an hour after its
    end as well.
    """
    await request.permit(Permissions.diagnose, session_id)
    found = await lag.of(session_id, participant_id)
    if found is None:
        raise participant_not_found()
    return found
