"""Connections over HTTP: offer, look, trickle, stop."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response

from api.auth.permissions import Permissions
from api.auth.tokens import SeatToken
from api.dependencies import SCHEMES, ApiRequest, allowed, idempotent
from api.dispatch.late_repeats import LateRepeats, answers_late
from api.guarded_route import LargeBodyRoute
from api.http.openapi import SEAT_PROBLEMS, headed, problems
from api.routes.sessions import SessionPath
from api.schemas.requests import CandidatesBody, OfferBody
from api.schemas.responses import Accepted, ConnectionList
from api.schemas.webrtc import check_offer, normalised
from api.services import provided
from callplane.contracts import bounds
from callplane.contracts.commands import Candidates, Envelope, Negotiated, Publish, Stop, Subscribe
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import ParticipantId, SessionId, connection_made_by
from callplane.contracts.refusals.connections import (
    connection_not_found,
    connection_stopped,
    publishing_not_granted,
    subscribing_not_granted,
)
from callplane.contracts.refusals.requests import participant_to_be_named
from callplane.contracts.shapes import ConnectionView
from callplane.store.connections import Connections
from callplane.store.documents import ConnectionDocument
from callplane.store.views import connection_view

router = APIRouter(
    tags=["connections"], route_class=LargeBodyRoute, dependencies=SCHEMES, prefix="/sessions/{session_id}/connections"
)

ConnectionPath = Annotated[bounds.ConnectionId, Path(description="the connection's id")]
StoredConnections = Annotated[Connections, provided("connections")]


@router.post(
    "",
    status_code=201,
    summary="Publish or subscribe",
    response_model=ConnectionView,
    responses={
        **problems(*SEAT_PROBLEMS, "wrong-state", "invalid-sdp", "key-reused"),
        **headed(201, "Location"),
        202: {"model": Accepted, "description": "Accepted; the outcome comes to the mailbox"},
    },
)
async def offer(
    session_id: SessionPath, body: OfferBody, request: Annotated[ApiRequest, idempotent(Permissions.seat)]
) -> ConnectionView | Response:
    """Send an SDP offer and get the answer to it, here or, when it takes longer than a few seconds, in the mailbox."""
    check_offer(body.sdp_offer)
    _, seat = await request.permit(Permissions.seat, session_id)
    if body.kind == "publish" and not seat.may.publish:
        raise publishing_not_granted([body.source or "camera"])
    if body.kind == "subscribe" and not seat.may.subscribe:
        raise subscribing_not_granted()
    prepared = await request.prepare(session_id, _command(body, seat.id))
    negotiated = await request.dispatcher.request(prepared)
    connection_id = connection_made_by(prepared.envelope.id)
    location = request.asked_at(f"/sessions/{session_id}/connections/{connection_id}")
    if negotiated is None:
        accepted = Accepted(id=connection_id, command_id=prepared.envelope.id)
        return Response(accepted.model_dump_json(), 202, {"Location": location}, "application/json")
    request.response.headers["Location"] = location
    return negotiated.connection


@router.get("", summary="List connections", responses=problems(*SEAT_PROBLEMS))
async def list_connections(
    session_id: SessionPath,
    request: Annotated[ApiRequest, allowed(Permissions.read_connection)],
    connections: StoredConnections,
    participant_id: Annotated[
        bounds.ParticipantId | None, Query(description="whose; with a participant token one's own, and no other's")
    ] = None,
) -> ConnectionList:
    """Those of one seat, with their answers; servers say whose they mean."""
    whose = participant_id
    if isinstance(request.credential, SeatToken):
        whose = participant_id or request.credential.participant_id
    await request.permit(Permissions.read_connection, session_id, whose)
    if whose is None:
        raise participant_to_be_named()
    found = await connections.offered_by(session_id, whose)
    return ConnectionList(connections=[connection_view(one) for one in found])


@router.get("/{connection_id}", summary="Look at a connection", responses=problems(*SEAT_PROBLEMS))
async def look(
    session_id: SessionPath,
    connection_id: ConnectionPath,
    request: Annotated[ApiRequest, allowed(Permissions.read_connection)],
    connections: StoredConnections,
) -> ConnectionView:
    """Its state, and its answer once there is one."""
    connection = await connections.find(connection_id)
    if connection is not None and connection.session_id != session_id:
        connection = None
    await request.permit(Permissions.read_connection, session_id, connection.participant_id if connection else None)
    if connection is None or not connection.offered:
        raise connection_not_found()
    return connection_view(connection)


@router.post(
    "/{connection_id}/candidates",
    status_code=202,
    summary="Trickle ICE candidates",
    response_class=Response,
    responses=problems(*SEAT_PROBLEMS),
)
async def trickle(
    session_id: SessionPath,
    connection_id: ConnectionPath,
    body: CandidatesBody,
    request: Annotated[ApiRequest, allowed(Permissions.seat)],
    connections: StoredConnections,
) -> Response:
    """Hand over candidates, also before the offer was answered; end marks and `.local` names are passed over."""
    _, seat = await request.permit(Permissions.seat, session_id)
    _own(await connections.find(connection_id), session_id, seat.id)
    candidates = normalised(body.candidates)
    if candidates:
        command = Candidates(participant_id=seat.id, connection_id=connection_id, candidates=candidates)
        await request.dispatcher.publish((await request.prepare(session_id, command)).envelope)
    return Response(status_code=202)


@router.delete("/{connection_id}", status_code=204, summary="Stop a connection", responses=problems(*SEAT_PROBLEMS))
async def stop(
    session_id: SessionPath,
    connection_id: ConnectionPath,
    request: Annotated[ApiRequest, allowed(Permissions.stop_connection)],
    connections: StoredConnections,
) -> None:
    """End it; ending it again changes nothing. Moderators and servers end others' (reason `removed`)."""
    found = await connections.find(connection_id)
    is_elsewhere = found is not None and found.session_id != session_id
    owner = None if found is None or is_elsewhere else found.participant_id
    try:
        own = await request.permit(Permissions.stop_connection, session_id, owner)
        if is_elsewhere or (own is None and owner is None):
            raise connection_not_found()
        reason: Literal["stopped", "removed"] = "removed" if own is None else "stopped"
        whose = ParticipantId(own or owner or "")
        await request.execute(session_id, Stop(participant_id=whose, connection_id=connection_id, reason=reason))
    except Refusal as refusal:
        # Connections end with their seat and with their session: it is stopped already.
        if refusal.problem.code not in ("session-closed", "join-again"):
            raise


def _command(body: OfferBody, participant_id: ParticipantId) -> Publish | Subscribe:
    if body.kind == "publish":
        return Publish(
            participant_id=participant_id, sdp_offer=body.sdp_offer, replaces=body.replaces, source=body.source
        )
    return Subscribe(
        participant_id=participant_id,
        sdp_offer=body.sdp_offer,
        publisher=body.publisher or "",
        stream=body.stream,
        replaces=body.replaces,
    )


def _own(connection: ConnectionDocument | None, session_id: SessionId, participant_id: ParticipantId) -> None:
    """Refuse somebody else's connection; one that nobody knows yet may still get its offer."""
    if connection is not None and (connection.session_id, connection.participant_id) != (session_id, participant_id):
        raise connection_not_found()


async def _negotiated(envelope: Envelope, _command: Publish | Subscribe, state: LateRepeats) -> Negotiated | None:
    connection = await state.connections.find(connection_made_by(envelope.id))
    if connection is None or connection.state == "released":
        raise connection_stopped()
    return Negotiated(connection=connection_view(connection)) if connection.state == "ready" else None


answers_late(Publish)(_negotiated)
answers_late(Subscribe)(_negotiated)
