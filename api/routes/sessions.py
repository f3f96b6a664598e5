"""Sessions over HTTP: make, list, look, change, close."""

import base64
import binascii
from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth.credentials import caller
from api.auth.permissions import Permissions
from api.auth.rules import sees_hidden
from api.auth.tenants import Tenants
from api.dependencies import SCHEMES, ApiRequest, IfMatch, allowed, etag, idempotent
from api.dispatch.late_repeats import LateRepeats, answers_late
from api.guarded_route import GuardedRoute
from api.http.openapi import SEAT_PROBLEMS, headed, problems
from api.schemas.requests import CreateBody, ListQuery, PatchSessionBody
from api.schemas.responses import SessionList
from api.services import provided
from callplane.contracts import bounds
from callplane.contracts.commands import (
    CloseSession,
    CreateSession,
    Envelope,
    SessionChanged,
    SessionMade,
    UpdateSession,
)
from callplane.contracts.errors import Refusal
from callplane.contracts.refusals.requests import cursor_not_valid
from callplane.contracts.refusals.sessions import custom_id_of_another_tenant, session_of_key_gone, settings_differ
from callplane.contracts.shapes import SessionView
from callplane.store.documents import SessionDocument
from callplane.store.new_session import SETTINGS
from callplane.store.session_pages import SessionPages, Wanted
from callplane.store.views import session_view

router = APIRouter(tags=["sessions"], route_class=GuardedRoute, dependencies=SCHEMES)

SessionPath = Annotated[bounds.SessionId, Path(description="the session's id")]


@router.post(
    "/sessions",
    status_code=201,
    summary="Make a session",
    responses={
        **problems("key-reused", "settings-differ"),
        **headed(201, "Location", "ETag"),
        200: {**headed(200, "Location", "ETag")[200], "model": SessionView, "description": "It was there already"},
    },
)
async def create(
    body: CreateBody,
    request: Annotated[ApiRequest, idempotent(Permissions.create)],
    tenants: Annotated[Tenants, provided("tenants")],
) -> SessionView:
    """Make a session, or find the open one that has the same `custom_id` (200).

    If settings that were asked for are otherwise there, that is a 409; what was not said is as it is. Metadata is no
    setting.
    """
    request.permit(Permissions.create, body.custom_id)
    made = await request.execute(None, CreateSession(**body.model_dump()))
    if not made.created:  # a wrapper of the version before knows no tenants, and finds whatever has the custom id
        try:
            await tenants.require(request.credential, made.session.id)
        except Refusal:
            raise custom_id_of_another_tenant() from None
        if differing := _differing(body, made.session):
            raise settings_differ(differing)
    request.response.status_code = 201 if made.created else 200
    request.response.headers["Location"] = request.asked_at(f"/sessions/{made.session.id}")
    request.response.headers["ETag"] = etag(made.session.version)
    return made.session


@router.get("/sessions", summary="List sessions", responses=problems())
async def list_sessions(
    query: Annotated[ListQuery, Query()],
    request: Annotated[ApiRequest, allowed(Permissions.list_sessions)],
    pages: Annotated[SessionPages, provided("session_pages")],
) -> SessionList:
    """A page of sessions; what exists during a whole scan appears in it exactly once."""
    tenant = request.permit(Permissions.list_sessions)
    if query.custom_id is not None:
        named = await pages.open_by_custom_id(query.custom_id, caller(request.credential).tenant)
        return SessionList(sessions=[_shown(session, request) for session in named], next=None)
    after = _id_in(query.cursor) if query.cursor else None
    page = await pages.page(after, query.limit, Wanted(query.status, query.engine, tenant))
    return SessionList(
        sessions=[_shown(session, request) for session in page.sessions],
        next=_cursor(page.last) if page.last else None,
    )


@router.get(
    "/sessions/{session_id}",
    summary="Look at a session",
    responses={**problems(*SEAT_PROBLEMS), **headed(200, "ETag")},
)
async def look(session_id: SessionPath, request: Annotated[ApiRequest, allowed(Permissions.read)]) -> SessionView:
    """A snapshot: the state as of `version`."""
    session = await request.permit(Permissions.read, session_id)
    request.response.headers["ETag"] = etag(session.version)
    return _shown(session, request)


@router.patch(
    "/sessions/{session_id}",
    summary="Change a session",
    responses={**problems(*SEAT_PROBLEMS, "bad-request", "stale-version", "key-reused"), **headed(200, "ETag")},
)
async def change(
    session_id: SessionPath,
    body: PatchSessionBody,
    version: IfMatch,
    request: Annotated[ApiRequest, idempotent(Permissions.steer)],
) -> SessionView:
    """Change the fields that are named."""
    await request.permit(Permissions.steer, session_id)
    changed = await request.execute(session_id, UpdateSession(changes=body.changes(), if_match=version))
    request.response.headers["ETag"] = etag(changed.session.version)
    return changed.session


@router.delete(
    "/sessions/{session_id}",
    status_code=204,
    summary="Close a session",
    responses=problems("not-found", "kicked", "join-again"),
)
async def close(
    session_id: SessionPath,
    request: Annotated[ApiRequest, allowed(Permissions.steer)],
    reason: Annotated[bounds.Reason, Query(description="what everybody is told")] = "closed",
) -> None:
    """End it for everybody, who hear the reason; closing again changes nothing."""
    await request.permit(Permissions.steer, session_id)
    try:
        await request.execute(session_id, CloseSession(reason=reason))
    except Refusal as refusal:
        if refusal.problem.code != "session-closed":
            raise


@answers_late(CreateSession)
async def _made(envelope: Envelope, command: CreateSession, state: LateRepeats) -> SessionMade:
    mine = await state.sessions.find(envelope.session_id)
    if mine is not None:
        return SessionMade(session=session_view(mine), created=True)
    twin = (
        await state.sessions.find_open_by_custom_id(command.custom_id, envelope.caller.tenant)
        if command.custom_id
        else None
    )
    if twin is None:
        raise session_of_key_gone()
    return SessionMade(session=session_view(twin), created=False)


@answers_late(UpdateSession)
async def _changed(envelope: Envelope, _command: UpdateSession, state: LateRepeats) -> SessionChanged:
    return SessionChanged(session=session_view(await state.open_session(envelope.session_id)))


def _shown(session: SessionDocument, request: ApiRequest) -> SessionView:
    return session_view(session, hidden=sees_hidden(request.credential, session))


def _differing(asked: CreateBody, found: SessionView) -> list[str]:
    """The settings that were said and are otherwise there."""
    said = [name for name in SETTINGS if name in asked.model_fields_set]
    return [name for name in said if getattr(asked, name) != getattr(found, name)]


def _cursor(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode().rstrip("=")


def _id_in(cursor: str) -> str:
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise cursor_not_valid() from None
