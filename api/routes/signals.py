"""Signals over HTTP: from the API straight to the exchange, or into the log, past the wrappers."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter

from api.auth.permissions import Permissions
from api.auth.quotas import payer_in
from api.auth.rate_limits import RateLimits
from api.dependencies import SCHEMES, ApiRequest, idempotent
from api.dispatch.signals import CHAT, CHAT_DELETE, CHAT_EDIT, Signals, receivers, require_grant
from api.guarded_route import GuardedRoute
from api.http.openapi import SEAT_PROBLEMS, problems
from api.routes.sessions import SessionPath
from api.schemas.requests import SignalBody
from api.schemas.responses import SignalSent
from api.services import provided
from callplane.contracts.messages import Message
from callplane.contracts.refusals.history import type_is_reserved
from callplane.contracts.refusals.requests import not_volatile_on_queues

VOLATILE_MILLISECONDS = 5000
"""How long a volatile signal may be given that does not say how long."""

router = APIRouter(tags=["signals"], route_class=GuardedRoute, dependencies=SCHEMES)


@router.post(
    "/sessions/{session_id}/signals",
    status_code=202,
    summary="Send a signal",
    responses=problems(*SEAT_PROBLEMS, "key-reused", "wrong-state"),
)
async def signal(
    session_id: SessionPath,
    body: SignalBody,
    request: Annotated[ApiRequest, idempotent(Permissions.signal)],
    signals: Annotated[Signals, provided("signals")],
    rate_limits: Annotated[RateLimits, provided("rate_limits")],
) -> SignalSent:
    """To whom `to` names, by id or as `role:…`, or to everybody in the session, the sender included."""
    signals.require_room(volatile=body.volatile)
    roster, sender = await request.permit(Permissions.signal, session_id)
    require_grant(roster, sender, body.type)
    if body.volatile and roster.engine == "queues":
        raise not_volatile_on_queues()
    if roster.engine == "log" and body.type in (CHAT_EDIT, CHAT_DELETE):
        raise type_is_reserved(body.type)
    to = receivers(roster, body.receivers, sender)
    size = len(await request.http.body())
    readers = len(roster.participants if to is None else to)
    payer = payer_in(roster, sender)
    rate_limits.consume_deliveries(request.credential, session_id, readers, size, payer=payer)
    keyed, is_old = None, False
    if roster.keyed_records and not body.volatile:
        signal_id, keyed = await request.key_in_record(body)
    else:
        signal_id, is_old = await request.claim_key(body)
    if is_old:  # Readers remember ids for as long as a repeat may be sent, not for a day.
        return SignalSent(id=signal_id)
    private_chat = body.type == CHAT and to is not None
    said_to = {"to": to} if private_chat else {}  # for those who read it later
    message = Message(
        id=signal_id,  # readers drop a repeat by it
        type="signal",
        session_id=session_id,
        at=request.now(),
        data={"from": sender, "type": body.type, "data": body.data, **said_to},
    )
    until = request.arrived + timedelta(milliseconds=body.ttl_ms or VOLATILE_MILLISECONDS) if body.volatile else None
    await signals.send(roster, message, to, until, keyed)
    return SignalSent(id=message.id)
