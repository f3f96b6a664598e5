"""Signals over HTTP: from the API straight to the exchange, past the wrappers."""

from typing import Annotated

from fastapi import APIRouter

from api.auth.permissions import Permissions
from api.auth.rate_limits import RateLimits
from api.dependencies import SCHEMES, ApiRequest, idempotent
from api.guarded_route import GuardedRoute
from api.http.openapi import SEAT_PROBLEMS, problems
from api.routes.sessions import SessionPath
from api.schemas.requests import SignalBody
from api.schemas.responses import SignalSent
from api.services import provided
from callplane.bus.ports import Messenger
from callplane.contracts.messages import Message
from callplane.contracts.refusals.requests import signal_not_delivered
from callplane.contracts.refusals.sessions import participant_not_found

router = APIRouter(tags=["signals"], route_class=GuardedRoute, dependencies=SCHEMES)


@router.post(
    "/sessions/{session_id}/signals",
    status_code=202,
    summary="Send a signal",
    responses=problems(*SEAT_PROBLEMS, "key-reused"),
)
async def signal(
    session_id: SessionPath,
    body: SignalBody,
    request: Annotated[ApiRequest, idempotent(Permissions.signal)],
    messenger: Annotated[Messenger, provided("messenger")],
    rate_limits: Annotated[RateLimits, provided("rate_limits")],
) -> SignalSent:
    """To the participant that `to` names, or to everybody in the session, the sender included."""
    session, sender = await request.permit(Permissions.signal, session_id)
    readers = len(session.participants) if body.to is None else 1
    size = len(await request.http.body())
    rate_limits.consume_deliveries(request.credential, session_id, readers, size)
    signal_id, is_old = await request.claim_key(body)
    if is_old:  # Readers remember ids for as long as a repeat may be sent, not for a day.
        return SignalSent(id=signal_id)
    message = Message(
        id=signal_id,  # readers drop a repeat by it
        type="signal",
        session_id=session_id,
        at=request.now(),
        data={"from": sender, "type": body.type, "data": body.data},
    )
    if body.to is None:
        if await messenger.to_session(session_id, [message]) != "all":  # the sender has one, if nobody else
            raise signal_not_delivered()
    elif session.seat(body.to) is None or not await messenger.to_participant(body.to, message):
        raise participant_not_found()
    return SignalSent(id=message.id)
