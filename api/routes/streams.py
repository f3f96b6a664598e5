"""Streams of a mailbox: server-sent events, WebSocket, and the tickets that open them (design 4, 8)."""

import secrets
from contextlib import closing
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response, WebSocket
from pydantic import BaseModel, Field, ValidationError
from starlette.requests import HTTPConnection

from api.auth.permissions import Permissions
from api.auth.tokens import SeatToken
from api.dependencies import PUBLIC, SCHEMES, ApiRequest, Declares, allowed, authenticate
from api.http.disconnects import or_disconnect
from api.http.openapi import problems
from api.mailboxes.unacked import Batch
from api.readers.ports import Readers
from api.services import Services, provided, services_of
from api.streaming.requests import requests_of
from api.streaming.sse import MEDIA_TYPE as EVENTS
from api.streaming.sse import EventStream
from api.streaming.websocket import WebSocketSession
from callplane.contracts.errors import Problem
from callplane.contracts.ids import new_id
from callplane.contracts.refusals.callers import ticket_not_valid
from callplane.contracts.refusals.requests import handshake_expected, stream_query_too_long
from callplane.store.tickets import TICKET_SECONDS, Tickets
from callplane.telemetry.logs import logger

# The schemes stand at each route: they are made for requests, and a WebSocket is none.
router = APIRouter(tags=["messages"])

TICKET_BYTES = 24
EXAMPLE = (
    "retry: 1000\n\nid: 01980000-0000-7000-8000-000000000000\n"
    'data: {"id":"s:7","type":"participant-left","session_id":"s","version":7,'
    '"at":"2026-01-05T09:00:00Z","data":{"participant_id":"p","reason":"left"}}\n\n'
)


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """A request to open a stream or a socket, by a ticket or with the token of a seat."""

    connection: HTTPConnection
    services: Services

    async def permit(self, ticket: str | None) -> SeatToken:
        """The seat whose mailbox it may read. Raises Refusal."""
        services = self.services
        if ticket is None:
            return services.permissions.read_mailbox(authenticate(services, self.connection))
        used = await services.tickets.use(ticket)
        if used is None:
            services.rate_limits.consume_stranger(services.proxies.address_of(self.connection))
            raise ticket_not_valid()
        # Getting it was counted already.
        return SeatToken(*used)


class _Opening(Declares):
    async def __call__(self, connection: HTTPConnection) -> StreamRequest:
        return StreamRequest(connection, services_of(connection))


OpeningRequest = Annotated[StreamRequest, Depends(_Opening(Permissions.read_mailbox))]
Reading = Annotated[Readers, provided("readers")]


class TicketView(BaseModel):
    """A ticket for one stream or socket of this mailbox."""

    ticket: str = Field(description="good for one use as `?ticket=`, on any pod")
    expires_in: int = Field(description="seconds")


class StreamQuestion(BaseModel):
    """Who opens a stream, and from where on."""

    ticket: str | None = Field(default=None, max_length=128, description="instead of a token in the header")
    ack: str | None = Field(default=None, max_length=128, description="the last token that was dealt with")


@router.post(
    "/messages/tickets",
    status_code=201,
    summary="Get a ticket",
    dependencies=SCHEMES,
    responses=problems("join-again"),
)
async def ticket(
    request: Annotated[ApiRequest, allowed(Permissions.read_mailbox)],
    readers: Reading,
    tickets: Annotated[Tickets, provided("tickets")],
) -> TicketView:
    """For `EventSource` and `WebSocket`, which can send no header: one use, within a minute."""
    seat = request.permit(Permissions.read_mailbox)
    await readers.require_seat(seat.participant_id)
    fresh = secrets.token_urlsafe(TICKET_BYTES)
    await tickets.issue(fresh, seat.session_id, seat.participant_id)
    request.response.headers["Cache-Control"] = "no-store"
    return TicketView(ticket=fresh, expires_in=TICKET_SECONDS)


@router.get(
    "/messages/stream",
    summary="Receive messages as server-sent events",
    dependencies=SCHEMES,
    response_class=Response,
    responses={
        **problems("join-again", "poll-replaced"),
        200: {
            "description": "One event a message, its `id` the token to acknowledge by; `beat` at least every 10 s. "
            "The event `end` carries the problem that ended it. It ends without one when 250 messages or 128 KiB, or "
            "one for five minutes, are unacknowledged: open it again with a new ticket and `ack`.",
            "content": {EVENTS: {"schema": {"type": "string"}, "example": EXAMPLE}},
        },
    },
)
async def stream(
    http: Request,
    question: Annotated[StreamQuestion, Query()],
    request: OpeningRequest,
    readers: Reading,
    last_event_id: Annotated[str | None, Header(max_length=128, description="as `ack`, and before it")] = None,
) -> Response:
    """The mailbox of `GET /messages`, without asking again; opening it acknowledges up to `ack`."""
    seat = await request.permit(question.ticket)
    subscription = await readers.subscribe((seat.session_id, seat.participant_id), last_event_id or question.ack)
    answer: Response | None = None
    try:
        first = await or_disconnect(subscription.next(0), http)
        # Nobody reads what is answered to a client that has left.
        answer = None if first is None else EventStream(subscription, first, readers.timing)
    finally:
        if answer is None:
            subscription.close()
    return answer or Response()


@router.get(
    "/messages/socket",
    status_code=101,
    summary="Receive messages over a WebSocket",
    dependencies=[*SCHEMES, PUBLIC],
    response_class=Response,
    responses={
        **problems("bad-request", "join-again", "poll-replaced"),
        101: {
            "description": "Frames from here are answers of `GET /messages`, an empty one at least every 10 s. Frames "
            'from the client are `{"ack": "token"}`, or requests: `{"request": "1", "method": "POST", "path": '
            '"/sessions/s/signals", "body": {"type": "wave"}}`, with `idempotency_key` and `if_match` for the headers '
            "of HTTP. Everything at `/sessions` can be asked for so, and is answered as by HTTP: "
            '`{"reply": "1", "status": 202, "headers": {}, "body": {"id": "…"}}`. '
            "It is closed with 4000 + the status of a problem and its code, or with 4000 when 250 messages or 128 KiB, "
            "or one for five minutes, are unacknowledged: open it again with a new ticket and `ack`."
        },
    },
)
async def no_socket(question: Annotated[StreamQuestion, Query()]) -> Response:
    """The handshake of RFC 6455 goes here; before it is done a refusal is an answer like any other."""
    raise handshake_expected()


@router.websocket("/messages/socket")
async def socket(websocket: WebSocket, request: OpeningRequest, readers: Reading) -> None:
    """Open it where a poll would be answered; the handshake is refused as a poll would be."""
    websocket.scope.setdefault("callplane.request_id", new_id())
    try:
        question = StreamQuestion.model_validate(dict(websocket.query_params))
    except ValidationError:
        raise stream_query_too_long() from None
    seat = await request.permit(question.ticket)
    async with requests_of(websocket.app.state.program, websocket.scope, seat) as requests:
        subscription = await readers.subscribe((seat.session_id, seat.participant_id), question.ack)
        with closing(subscription):
            first = await subscription.next(0)
            await websocket.accept()
            await _run(WebSocketSession(websocket, subscription, readers.timing, requests), first, websocket)


async def _run(session: WebSocketSession, first: Batch, websocket: WebSocket) -> None:
    try:
        await session.run(first)
    except Exception:
        logger("api").exception("bug", request_id=websocket.scope["callplane.request_id"], route="/messages/socket")
        await websocket.close(1011, Problem(code="internal").code)
