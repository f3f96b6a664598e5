"""Access tokens over HTTP: signed with the caller's own key, for callers without a library that signs."""

import time
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter

from api.auth.permissions import Permissions
from api.auth.tokens import AccessTokens
from api.dependencies import SCHEMES, ApiRequest, allowed
from api.guarded_route import GuardedRoute
from api.http.openapi import problems
from api.schemas.requests import TokenBody
from api.schemas.responses import TokenView
from api.services import provided
from callplane.contracts.refusals.requests import token_too_long

router = APIRouter(tags=["tokens"], route_class=GuardedRoute, dependencies=SCHEMES)


@router.post("/tokens", status_code=201, summary="Make an access token", responses=problems())
async def make_token(
    body: TokenBody,
    request: Annotated[ApiRequest, allowed(Permissions.sign)],
    tokens: Annotated[AccessTokens, provided("access_tokens")],
) -> TokenView:
    """For a browser: who it is, for which session, up to which role, with which grants.

    Nothing is stored, and nothing takes it back.
    """
    key = request.permit(Permissions.sign)
    if body.seconds > tokens.longest:
        raise token_too_long(tokens.longest)
    # By the clock that judges it, which is that of pods and not the database's.
    until = int(time.time()) + body.seconds
    grants = {} if body.grants is None else {"grants": body.grants.changes()}
    claims = {"sub": body.identity, "session": body.session, "role": body.role, **grants}
    token = tokens.sign(key.name, claims, until)
    request.response.headers["Cache-Control"] = "no-store"
    return TokenView(token=token, expires_at=datetime.fromtimestamp(until, UTC))
