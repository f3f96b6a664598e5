"""API keys over HTTP: make, list, rotate, revoke those of the database."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Path

from api.auth.credentials import Credentials
from api.auth.permissions import Permissions
from api.auth.stored_keys import StoredKeys
from api.dependencies import SCHEMES, ApiRequest, allowed
from api.guarded_route import GuardedRoute
from api.http.openapi import headed, problems
from api.schemas.keys import KEY_NAME, KeyBody, KeyList, KeyView, NewKeyView, RotateBody, shown
from api.services import provided
from callplane.contracts.refusals.operators import key_not_found, key_there_already, keys_too_many
from callplane.store.api_keys import MOST, ApiKeys

router = APIRouter(tags=["keys"], route_class=GuardedRoute, dependencies=SCHEMES, prefix="/keys")

SECRET_BYTES = 32

KeyPath = Annotated[str, Path(pattern=KEY_NAME, description="the key's name")]
OperatorRequest = Annotated[ApiRequest, allowed(Permissions.operate)]
Stored = Annotated[ApiKeys, provided("api_keys")]
Known = Annotated[StoredKeys, provided("stored_keys")]
Settled = Annotated[Credentials, provided("credentials")]


@router.get("", summary="List API keys", responses=problems("not-found"))
async def list_keys(request: OperatorRequest, stored: Stored) -> KeyList:
    """Those of the database, without their secrets, of which nothing but hashes is kept."""
    request.permit(Permissions.operate)
    return KeyList(keys=[KeyView.model_validate(shown(key)) for key in await stored.all()])


@router.post(
    "",
    status_code=201,
    summary="Make an API key",
    responses={**problems("not-found", "wrong-state"), **headed(201, "Location")},
)
async def make(
    body: KeyBody, request: OperatorRequest, stored: Stored, known: Known, credentials: Settled
) -> NewKeyView:
    """Its secret is in this answer and nowhere else. Other pods know the key within 2 s."""
    request.permit(Permissions.operate)
    await request.require_connected()
    if credentials.has_key(body.name):
        raise key_there_already(body.name)
    if await stored.count() >= MOST:
        raise keys_too_many(MOST)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    made = await stored.make(body.name, body.tenant or body.name, operator=body.operator, secret=secret)
    if made is None:
        raise key_there_already(body.name)
    await known.follow()
    request.response.headers["Location"] = request.asked_at(f"/keys/{made.name}")
    request.response.headers["Cache-Control"] = "no-store"
    return NewKeyView.model_validate({**shown(made), "secret": secret})


@router.post(
    "/{name}/rotate",
    summary="Rotate an API key",
    responses=problems("not-found"),
)
async def rotate(name: KeyPath, body: RotateBody, request: OperatorRequest, stored: Stored, known: Known) -> NewKeyView:
    """A new secret; those before it are good for `overlap` seconds more. A lost answer is mended by rotating again."""
    request.permit(Permissions.operate)
    await request.require_connected()
    secret = secrets.token_urlsafe(SECRET_BYTES)
    rotated = await stored.rotate(name, secret, body.overlap)
    if rotated is None:
        raise key_not_found()
    await known.follow()
    request.response.headers["Cache-Control"] = "no-store"
    return NewKeyView.model_validate({**shown(rotated), "secret": secret})


@router.delete("/{name}", status_code=204, summary="Revoke an API key", responses=problems("not-found"))
async def revoke(name: KeyPath, request: OperatorRequest, stored: Stored, known: Known) -> None:
    """It and the access tokens that it has made are refused from now on, on other pods within 2 s; seats stay."""
    request.permit(Permissions.operate)
    if not await stored.revoke(name):
        raise key_not_found()
    await known.follow()
