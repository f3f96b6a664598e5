"""Participants over HTTP: join, look, change, leave."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth.permissions import Permissions
from api.auth.rules import Admission, sees_hidden
from api.auth.tokens import ParticipantTokens, SeatToken
from api.dependencies import SCHEMES, ApiRequest, IfMatch, allowed, etag, idempotent
from api.dispatch.late_repeats import LateRepeats, answers_late
from api.guarded_route import GuardedRoute
from api.http.openapi import SEAT_PROBLEMS, headed, problems
from api.ice_servers import IceServers
from api.routes.sessions import SessionPath
from api.schemas.requests import JoinBody, PatchParticipantBody
from api.schemas.responses import JoinedView, ParticipantList
from api.services import provided
from callplane.contracts import bounds
from callplane.contracts.commands import (
    Envelope,
    GrantModeration,
    Join,
    Joined,
    JoinHidden,
    Leave,
    ParticipantChanged,
    UpdateParticipant,
)
from callplane.contracts.errors import Refusal
from callplane.contracts.grants import telling
from callplane.contracts.ids import ParticipantId, participant_made_by
from callplane.contracts.refusals.callers import hidden_seat_tells_nothing
from callplane.contracts.refusals.sessions import participant_not_found
from callplane.contracts.shapes import GrantChanges, ParticipantView
from callplane.store.views import Snapshot, joined_view, participant_view, session_view

router = APIRouter(
    tags=["participants"], route_class=GuardedRoute, dependencies=SCHEMES, prefix="/sessions/{session_id}/participants"
)

ParticipantPath = Annotated[bounds.ParticipantId, Path(description="the participant's id")]


@router.post(
    "",
    status_code=201,
    summary="Join a session, or come back to it",
    responses={**problems(*SEAT_PROBLEMS, "session-full", "key-reused"), **headed(201, "Location", "ETag")},
)
async def join(
    session_id: SessionPath,
    body: JoinBody,
    request: Annotated[ApiRequest, idempotent(Permissions.join)],
    tokens: Annotated[ParticipantTokens, provided("participant_tokens")],
    ice_servers: Annotated[IceServers, provided("ice_servers")],
) -> JoinedView:
    """Take a seat; with a participant token, come back to the one that it names.

    With the grant `hidden` it is one that only API keys and moderators see, and that only receives.
    """
    grants = None if body.grants is None else GrantChanges(**body.grants.changes())
    admission = await request.permit(Permissions.join, session_id, body.role, body.identity, grants)
    joined = await request.execute(session_id, _joining(admission, body))
    seat = joined.participant
    request.response.headers["Location"] = request.asked_at(f"/sessions/{session_id}/participants/{seat.id}")
    request.response.headers["ETag"] = etag(joined.session.version)
    return JoinedView(
        participant=seat,
        token=tokens.sign(session_id, seat.id),
        ice_servers=ice_servers.for_user(seat.id, request.now()),
        session=joined.session,
        connections=joined.connections,
    )


@router.get("", summary="List participants", responses={**problems(*SEAT_PROBLEMS), **headed(200, "ETag")})
async def list_participants(
    session_id: SessionPath, request: Annotated[ApiRequest, allowed(Permissions.read)]
) -> ParticipantList:
    """Every seat with what it publishes, as in the session's snapshot; hidden ones for API keys and moderators."""
    session = await request.permit(Permissions.read, session_id)
    request.response.headers["ETag"] = etag(session.version)
    view = session_view(session, hidden=sees_hidden(request.credential, session))
    return ParticipantList(participants=view.participants, hidden=view.hidden)


@router.get(
    "/{participant_id}",
    summary="Look at a participant",
    responses={**problems(*SEAT_PROBLEMS), **headed(200, "ETag")},
)
async def look(
    session_id: SessionPath,
    participant_id: ParticipantPath,
    request: Annotated[ApiRequest, allowed(Permissions.read)],
) -> ParticipantView:
    """A seat with what it publishes."""
    session = await request.permit(Permissions.read, session_id)
    own = isinstance(request.credential, SeatToken) and request.credential.participant_id == participant_id
    sees_all = own or sees_hidden(request.credential, session)
    seat = session.any_seat(participant_id) if sees_all else session.seat(participant_id)
    if seat is None:
        raise participant_not_found()
    request.response.headers["ETag"] = etag(session.version)
    return participant_view(session, seat)


@router.patch(
    "/{participant_id}",
    summary="Change a participant",
    responses={**problems(*SEAT_PROBLEMS, "bad-request", "stale-version", "key-reused"), **headed(200, "ETag")},
)
async def change(
    session_id: SessionPath,
    participant_id: ParticipantPath,
    body: PatchParticipantBody,
    version: IfMatch,
    request: Annotated[ApiRequest, idempotent(Permissions.change_seat)],
) -> ParticipantView:
    """Change the fields that are named; of `muted`, the media that are named; `presence` is said anew as a whole.

    Participants say it of themselves alone, and moderators lower hands and raise none. Of `grants` those that are named
    change; a `role` is its preset of them. What is sent and received outside of them ends within a second. Moderators
    let others moderate, who then have no more grants than they, and take that from others.
    """
    changes = body.changes()
    lets_moderate = await request.permit(Permissions.change_seat, session_id, participant_id, changes)
    kind: type[UpdateParticipant | GrantModeration] = GrantModeration if lets_moderate else UpdateParticipant
    changed = await request.execute(session_id, kind(participant_id=participant_id, changes=changes, if_match=version))
    request.response.headers["ETag"] = etag(changed.version)
    return changed.participant


@router.delete(
    "/{participant_id}",
    status_code=204,
    summary="Leave a session, or remove a participant",
    responses=problems("not-found", "kicked", "join-again"),
)
async def leave(
    session_id: SessionPath,
    participant_id: ParticipantPath,
    request: Annotated[ApiRequest, allowed(Permissions.remove_seat)],
    reason: Annotated[bounds.Reason, Query(description="what a removed participant is told")] = "kicked",
    ban: Annotated[bool, Query(description="false: only shown out, and free to join again")] = True,
) -> None:
    """Give up one's seat; moderators and servers remove others, whose identity cannot come back in any seat.

    The ban can be lifted (`…/bans/{identity}`); all seats of the identity go. Again: nothing more.
    """
    kick = await request.permit(Permissions.remove_seat, session_id, participant_id)
    command = Leave(participant_id=participant_id, reason=reason if kick else "left", kick=kick and ban)
    try:
        await request.execute(session_id, command)
    except Refusal as refusal:
        if refusal.problem.code != "session-closed":
            raise


def _joining(admission: Admission, body: JoinBody) -> Join | JoinHidden:
    """The command of a join. Raises Refusal where an access token would have a hidden seat send something."""
    grants = admission.grants
    if grants is None or not grants.hidden:
        return Join(
            participant_id=admission.participant_id,
            display_name=body.name,
            role=admission.role,
            metadata=body.metadata,
            identity=admission.identity,
            grants=grants,
        )
    if more := telling(grants):
        raise hidden_seat_tells_nothing(more)
    return JoinHidden(
        display_name=body.name,
        role=admission.role,
        metadata=body.metadata,
        identity=admission.identity,
        subscribe=grants.subscribe is not False,
    )


@answers_late(Join)
async def _joined(envelope: Envelope, command: Join, state: LateRepeats) -> Joined:
    return await _seated(envelope, command.participant_id or participant_made_by(envelope.id), state)


@answers_late(JoinHidden)
async def _joined_hidden(envelope: Envelope, _command: JoinHidden, state: LateRepeats) -> Joined:
    return await _seated(envelope, participant_made_by(envelope.id), state)


async def _seated(envelope: Envelope, participant_id: ParticipantId, state: LateRepeats) -> Joined:
    session = await state.open_session(envelope.session_id)
    seat = await state.seat(session, participant_id)
    own = await state.connections.offered_by(session.id, seat.id)
    return joined_view(Snapshot(session, session_view(session)), seat, own)


@answers_late(UpdateParticipant)
async def _changed(envelope: Envelope, command: UpdateParticipant, state: LateRepeats) -> ParticipantChanged:
    return await _as_it_is(envelope, command.participant_id, state)


@answers_late(GrantModeration)
async def _moderating(envelope: Envelope, command: GrantModeration, state: LateRepeats) -> ParticipantChanged:
    return await _as_it_is(envelope, command.participant_id, state)


async def _as_it_is(envelope: Envelope, participant_id: ParticipantId, state: LateRepeats) -> ParticipantChanged:
    session = await state.open_session(envelope.session_id)
    seat = await state.seat(session, participant_id)
    return ParticipantChanged(participant=participant_view(session, seat), version=session.version)
