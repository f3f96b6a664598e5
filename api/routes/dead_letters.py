"""Dead letters over HTTP: list, send again and remove commands that were given up."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.auth.permissions import Permissions
from api.auth.tenants import Tenants
from api.dependencies import SCHEMES, ApiRequest, allowed
from api.guarded_route import GuardedRoute
from api.http.openapi import problems
from api.schemas.responses import DeadLetterList
from api.services import provided
from callplane.bus.dead_letters import LISTED, SEARCHED, DeadLetters, NoSuchLetter, Unreadable
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
KeyRequest = Annotated[ApiRequest, allowed(Permissions.reach_letters)]
Letters = Annotated[DeadLetters, provided("dead_letters")]
TenantsOf = Annotated[Tenants, provided("tenants")]


@router.get("", summary="List dead letters", responses=problems("not-found"))
async def list_letters(request: KeyRequest, letters: Letters, tenants: TenantsOf) -> DeadLetterList:
    """The oldest hundred of the key's tenant, for operators of all, oldest first; looking changes nothing.

    Whose a letter is, its session says; one without a session is of who asked.
    """
    tenant = request.permit(Permissions.reach_letters)
    return DeadLetterList(dead_letters=await _reached(tenant, letters, tenants))


@router.post(
    "/{letter_id}/replay",
    status_code=202,
    summary="Send a dead letter again",
    responses=problems("not-found", "wrong-state", "session-closed"),
)
async def replay(letter_id: LetterPath, request: KeyRequest, letters: Letters, tenants: TenantsOf) -> DeadLetterView:
    """Publish the command as a first attempt with a new deadline; nobody is answered. Then the letter is removed."""
    tenant = request.permit(Permissions.reach_letters)
    await request.require_connected()
    await _require(letter_id, tenant, letters, tenants)

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
    """Forget all of them, of every tenant, also those that the list does not show; for operators."""
    request.permit(Permissions.operate)
    await request.require_connected()
    await letters.purge()


@router.delete("/{letter_id}", status_code=204, summary="Remove a dead letter", responses=problems("not-found"))
async def remove(letter_id: LetterPath, request: KeyRequest, letters: Letters, tenants: TenantsOf) -> None:
    """Forget exactly this one."""
    await _require(letter_id, request.permit(Permissions.reach_letters), letters, tenants)
    try:
        await letters.delete(letter_id)
    except NoSuchLetter:
        raise dead_letter_not_found() from None


async def _reached(tenant: str | None, letters: DeadLetters, tenants: Tenants) -> list[DeadLetterView]:
    """The oldest hundred that a tenant's keys (None: operators) reach."""
    if tenant is None:
        return await letters.oldest()
    return [one for one in await letters.oldest(SEARCHED) if await _is_of(tenant, one, tenants)][:LISTED]


async def _require(letter_id: str, tenant: str | None, letters: DeadLetters, tenants: Tenants) -> None:
    """Go on only with a letter that these keys reach. Raises Refusal ``not-found``."""
    if tenant is None:
        return
    # Two may have one id, but are then one command, and of one tenant.
    named = [one for one in await letters.oldest(SEARCHED) if one.id == letter_id]
    if not named or not await _is_of(tenant, named[0], tenants):
        raise dead_letter_not_found()


async def _is_of(tenant: str, letter: DeadLetterView, tenants: Tenants) -> bool:
    session = None if letter.session_id is None else await tenants.of(letter.session_id)
    return letter.tenant == tenant if session is None else session.tenant in (None, tenant)


async def _send(request: ApiRequest, envelope: Envelope) -> None:
    try:
        await request.dispatcher.publish_again(envelope)
    except Refusal as refusal:
        if refusal.problem.code == "not-found":
            raise dead_letter_without_session() from None
        raise
