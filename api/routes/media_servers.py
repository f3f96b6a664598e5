"""Media servers over HTTP: register, look, cordon, drain, remove."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.auth.permissions import Permissions
from api.dependencies import SCHEMES, ApiRequest, allowed, idempotent
from api.guarded_route import GuardedRoute
from api.http.openapi import headed, problems
from api.schemas.requests import MediaServerBody, PatchMediaServerBody
from api.schemas.responses import MediaServerList
from api.services import provided
from callplane.contracts import bounds
from callplane.contracts.operations import MediaServerView
from callplane.contracts.refusals.operators import (
    media_server_busy,
    media_server_has_a_name,
    media_server_name_taken,
    media_server_not_found,
)
from callplane.store.server_pool import ServerPool

router = APIRouter(tags=["media servers"], route_class=GuardedRoute, dependencies=SCHEMES, prefix="/media-servers")

ServerPath = Annotated[bounds.ServerName, Path(description="the media server's name")]
OperatorRequest = Annotated[ApiRequest, allowed(Permissions.operate)]
Pool = Annotated[ServerPool, provided("server_pool")]


@router.get("", summary="List media servers", responses=problems("not-found"))
async def list_servers(request: OperatorRequest, pool: Pool) -> MediaServerList:
    """Every media server that sessions may be placed on, with how full it is."""
    request.permit(Permissions.operate)
    return MediaServerList(media_servers=await pool.all())


@router.post(
    "",
    status_code=201,
    summary="Register a media server",
    responses={
        **problems("not-found", "wrong-state", "key-reused"),
        **headed(201, "Location"),
        200: {**headed(200, "Location")[200], "model": MediaServerView, "description": "It was there already"},
    },
)
async def register(
    body: MediaServerBody, request: Annotated[ApiRequest, idempotent(Permissions.operate)], pool: Pool
) -> MediaServerView:
    """Add one while everything runs; it is `down` until a wrapper reaches it, which takes some seconds."""
    request.permit(Permissions.operate)
    await request.claim_key(body)  # A repeat finds it by its name; the key only tells a repeat from another request.
    twin = next((one for one in await pool.all() if one.url == body.url), None)
    if twin is not None and twin.name != body.name:
        raise media_server_has_a_name(twin.name)
    request.response.status_code = 201 if await pool.add(body.name, body.url) else 200
    request.response.headers["Location"] = request.asked_at(f"/media-servers/{body.name}")
    found = await _found(pool, body.name)
    if found.url != body.url:
        raise media_server_name_taken()
    return found


@router.get("/{name}", summary="Look at a media server", responses=problems("not-found"))
async def look(name: ServerPath, request: OperatorRequest, pool: Pool) -> MediaServerView:
    """Its state, its memory and the number of sessions on it."""
    request.permit(Permissions.operate)
    return await _found(pool, name)


@router.patch("/{name}", summary="Cordon or drain a media server", responses=problems("not-found"))
async def change(name: ServerPath, body: PatchMediaServerBody, request: OperatorRequest, pool: Pool) -> MediaServerView:
    """`cordoned`: no session is placed on it. `draining`: its sessions are moved to others, some each second.

    What is drained is cordoned, and stays so when it is empty; to uncordon it ends the draining. A session is moved
    only while another server is up and not cordoned: `detail` says when none is.
    """
    request.permit(Permissions.operate)
    await _found(pool, name)
    await request.require_connected()
    named = body.changes()
    await pool.change(name, cordoned=named.get("cordoned"), draining=named.get("draining"))
    return await _found(pool, name)


@router.delete(
    "/{name}", status_code=204, summary="Remove a media server", responses=problems("not-found", "wrong-state")
)
async def remove(name: ServerPath, request: OperatorRequest, pool: Pool) -> None:
    """Forget one that has no open session on it: drain it first. One that settings name comes back with a wrapper."""
    request.permit(Permissions.operate)
    await request.require_connected()
    match await pool.remove(name):
        case "busy":
            raise media_server_busy()
        case "unknown":
            raise media_server_not_found()


async def _found(pool: ServerPool, name: str) -> MediaServerView:
    found = await pool.find(name)
    if found is None:
        raise media_server_not_found()
    return found
