"""Shared state over HTTP: what those in a session share, by key; each key is set by itself."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.auth.permissions import Permissions
from api.auth.quotas import payer_in
from api.auth.rate_limits import RateLimits
from api.dependencies import SCHEMES, ApiRequest, allowed, idempotent
from api.dispatch.late_repeats import LateRepeats, answers_late
from api.dispatch.signals import require_sharing
from api.guarded_route import GuardedRoute
from api.http.openapi import SEAT_PROBLEMS, problems
from api.routes.sessions import SessionPath
from api.schemas.shared_state import StateBody, StateKeyView, StateView
from api.services import provided
from callplane.contracts import bounds
from callplane.contracts.commands import Envelope, SetState, StateSet
from callplane.store.views import shared_state

router = APIRouter(
    tags=["state"], route_class=GuardedRoute, dependencies=SCHEMES, prefix="/sessions/{session_id}/state"
)

KeyPath = Annotated[bounds.StateKey, Path(description="the key")]


@router.get("", summary="Read the shared state", responses=problems(*SEAT_PROBLEMS))
async def read(session_id: SessionPath, request: Annotated[ApiRequest, allowed(Permissions.read)]) -> StateView:
    """All keys that have a value, as in the snapshot of the session."""
    session = await request.permit(Permissions.read, session_id)
    return StateView(version=session.version, state=shared_state(session))


@router.patch(
    "/{key}",
    summary="Set a key of the shared state",
    responses=problems(*SEAT_PROBLEMS, "key-reused", "stale-version"),
)
async def set_key(
    session_id: SessionPath,
    key: KeyPath,
    body: StateBody,
    request: Annotated[ApiRequest, idempotent(Permissions.signal)],
    rate_limits: Annotated[RateLimits, provided("rate_limits")],
) -> StateKeyView:
    """Give it a value, or with null take it away: everybody is told by `state-changed`. Other keys stay as they are.

    With `if_version` only as long as the key is as the caller has seen it.
    """
    roster, sender = await request.permit(Permissions.signal, session_id)
    require_sharing(roster, sender)
    size, payer = len(await request.http.body()), payer_in(roster, sender)
    rate_limits.consume_deliveries(request.credential, session_id, len(roster.participants), size, payer=payer)
    made = await request.execute(session_id, SetState(key=key, value=body.value, if_version=body.if_version))
    return StateKeyView(key=key, value=body.value if made.version else None, version=made.version)


@answers_late(SetState)
async def _set(envelope: Envelope, command: SetState, state: LateRepeats) -> StateSet:
    return StateSet(version=(await state.open_session(envelope.session_id)).version_of(command.key))
