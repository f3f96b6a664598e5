"""Dead letters over HTTP: list, send again and remove commands that were given up."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.auth.permissions import Permissions
from api.dependencies import SCHEMES, ApiRequest, allowed
from api.guarded_route import GuardedRoute
from api.http.openapi import problems
from api.schemas.responses import DeadLetterList
from api.services import provided
from callplane.bus.dead_letters import DeadLetters, NoSuchLetter, Unreadable
from callplane.contracts.commands import Envelope
from callplane.contracts.errors import Refusal
from callplane.contracts.operations import DeadLetterView
from callplane.contracts.refusals.operators import (
    dead_letter_not_found,
    dead_letter_unreadable,
    dead_letter_without_session,
)

router = APIRouter(tags=["dead letters"], route_class=GuardedRoute, dependencies=SCHEMES, prefix="/dead-letters")

LetterPath = Annotated[str, Path(max_length=255, description="the letter's id, which is its command's")]
OperatorRequest = Annotated[ApiRequest, allowed(Permissions.operate)]
Letters = Annotated[DeadLetters, provided("dead_letters")]


@router.get("", summary="List dead letters", responses=problems("not-found"))
async def list_letters(request: OperatorRequest, letters: Letters) -> DeadLetterList:
    """The oldest hundred, oldest first; looking changes nothing."""
    request.permit(Permissions.operate)
    return DeadLetterList(dead_letters=await letters.oldest())


@router.post(
    "/{letter_id}/replay",
    status_code=202,
    summary="Send a dead letter again",
    responses=problems("not-found", "wrong-state", "session-closed"),
)
async def replay(letter_id: LetterPath, request: OperatorRequest, letters: Letters) -> DeadLetterView:
    """Publish the command as a first attempt with a new deadline; nobody is answered. Then the letter is removed."""
    request.permit(Permissions.operate)
    await request.require_connected()

    async def send(envelope: Envelope) -> None:
        await _send(request, envelope)

    try:
        return await letters.replay(letter_id, send)
    except NoSuchLetter:
        raise dead_letter_not_found() from None
    except Unreadable:
        raise dead_letter_unreadable() from None


@router.delete("", status_code=204, summary="Remove all dead letters", responses=problems("not-found"))
async def purge(request: OperatorRequest, letters: Letters) -> None:
    """Forget all of them, also those that the list does not show."""
    request.permit(Permissions.operate)
    await request.require_connected()
    await letters.purge()


@router.delete("/{letter_id}", status_code=204, summary="Remove a dead letter", responses=problems("not-found"))
async def remove(letter_id: LetterPath, request: OperatorRequest, letters: Letters) -> None:
    """Forget exactly this one."""
    request.permit(Permissions.operate)
    try:
        await letters.delete(letter_id)
    except NoSuchLetter:
        raise dead_letter_not_found() from None


async def _send(request: ApiRequest, envelope: Envelope) -> None:
    try:
        await request.dispatcher.publish_again(envelope)
    except Refusal as refusal:
        if refusal.problem.code == "not-found":
            raise dead_letter_without_session() from None
        raise
