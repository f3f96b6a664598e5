"""History over HTTP: the chat of a session, page by page, and edits and deletions of its messages."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from api.auth.permissions import Permissions
from api.auth.quotas import payer_in
from api.auth.rate_limits import RateLimits
from api.dependencies import SCHEMES, ApiRequest, allowed, idempotent
from api.dispatch.chat import Chat, deleted, edited
from api.dispatch.signals import CHAT, require_grant
from api.guarded_route import GuardedRoute
from api.http.openapi import SEAT_PROBLEMS, problems
from api.routes.sessions import SessionPath
from api.schemas.history import ChatPage, EditBody, HistoryQuery
from api.schemas.responses import SignalSent
from api.services import provided
from callplane.contracts.ids import ParticipantId, SessionId, new_id
from callplane.contracts.messages import Message
from callplane.contracts.refusals.history import no_history
from callplane.contracts.refusals.sessions import session_not_found

router = APIRouter(
    tags=["history"], route_class=GuardedRoute, dependencies=SCHEMES, prefix="/sessions/{session_id}/messages"
)

MessagePath = Annotated[str, Path(description="the message's id", pattern=r"^[A-Za-z0-9-]{1,64}$")]


async def message_path(session_id: SessionPath, message_id: MessagePath) -> tuple[SessionId, str]:
    """The session's id and the message's."""
    return session_id, message_id


Which = Annotated[tuple[SessionId, str], Depends(message_path)]
ChatOf = Annotated[Chat, provided("chat")]
Limits = Annotated[RateLimits, provided("rate_limits")]


@router.get("", summary="Read the chat", responses=problems(*SEAT_PROBLEMS, "wrong-state"))
async def read(
    session_id: SessionPath,
    query: Annotated[HistoryQuery, Query()],
    request: Annotated[ApiRequest, allowed(Permissions.read_history)],
    chat: ChatOf,
) -> ChatPage:
    """Messages of type `chat` as they are now, the private ones only to their parties."""
    roster, reader = await request.permit(Permissions.read_history, session_id)
    if roster is None and not await chat.exists(session_id):
        raise session_not_found()
    if roster is not None and roster.engine == "queues":
        raise no_history()
    return await chat.page(session_id, query.span(), reader)


@router.patch(
    "/{message_id}", status_code=202, summary="Edit a message", responses=problems(*SEAT_PROBLEMS, "wrong-state")
)
async def edit(
    which: Which,
    body: EditBody,
    request: Annotated[ApiRequest, idempotent(Permissions.signal)],
    chat: ChatOf,
    rate_limits: Limits,
) -> SignalSent:
    """One's own: everybody who may read it is told by a signal of type `chat-edit`."""
    session_id, message_id = which
    roster, sender = await request.permit(Permissions.signal, session_id)
    require_grant(roster, sender, CHAT)
    size = len(await request.http.body())
    readers, payer = len(roster.participants), payer_in(roster, sender)
    rate_limits.consume_deliveries(request.credential, session_id, readers, size, payer=payer)
    event_id, is_old = await request.claim_key(body)
    if not is_old:
        data = edited(message_id, body.data)
        await chat.edit(roster, message_id, _event(request, event_id, session_id, sender, data))
    return SignalSent(id=event_id)


@router.delete(
    "/{message_id}", status_code=204, summary="Delete a message", responses=problems(*SEAT_PROBLEMS, "wrong-state")
)
async def delete(
    which: Which,
    request: Annotated[ApiRequest, allowed(Permissions.signal)],
    chat: ChatOf,
    rate_limits: Limits,
) -> None:
    """One's own, as a moderator any: everybody who may read it is told by a signal of type `chat-delete`."""
    session_id, message_id = which
    roster, sender = await request.permit(Permissions.signal, session_id)
    readers, payer = len(roster.participants), payer_in(roster, sender)
    rate_limits.consume_deliveries(request.credential, session_id, readers, 0, payer=payer)
    await chat.delete(roster, message_id, _event(request, new_id(), session_id, sender, deleted(message_id)))


def _event(
    request: ApiRequest, event_id: str, session_id: SessionId, sender: ParticipantId | None, data: dict[str, Any]
) -> Message:
    said = {"from": sender, **data}
    return Message(id=event_id, type="signal", session_id=session_id, at=request.now(), data=said)
