"""Long poll over HTTP: asking again is the acknowledgement (design 4)."""

from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.types import ASGIApp, Receive, Scope, Send

from api.auth.permissions import Permissions
from api.dependencies import SCHEMES, ApiRequest, allowed, request_of
from api.guarded_route import GuardedRoute, has_body
from api.http.direct import answered, query_of
from api.http.disconnects import or_disconnect
from api.http.openapi import problems
from api.readers.ports import Question, Readers
from api.services import provided, services_of
from callplane.contracts.messages import Message

router = APIRouter(tags=["messages"], route_class=GuardedRoute, dependencies=SCHEMES)


class MessagesView(BaseModel):
    """The answer to a poll; an empty list is the heartbeat."""

    messages: list[Message] = Field(description="in order; drop those whose `id` you have seen")
    ack: str | None = Field(description="send it back as `ack` once the messages are dealt with; null with none")


class PollQuery(BaseModel):
    """What a poll says of itself."""

    ack: str | None = Field(default=None, max_length=128, description="the `ack` of the last answer; unknown: ignored")
    wait: float = Field(default=25, ge=0, le=60, description="seconds to wait for a message")
    max: int = Field(default=100, ge=1, le=500, description="the most messages to answer with")


@router.get(
    "/messages",
    summary="Wait for messages",
    response_class=Response,
    responses={
        **problems("join-again", "poll-replaced"),
        200: {"model": MessagesView, "description": "What has come, at once or as soon as it comes"},
    },
)
async def messages(
    query: Annotated[PollQuery, Query()],
    request: Annotated[ApiRequest, allowed(Permissions.read_mailbox)],
    readers: Annotated[Readers, provided("readers")],
) -> Response:
    """Acknowledge everything up to `ack`, and get what follows it; what is not acknowledged is given again."""
    seat = request.permit(Permissions.read_mailbox)
    question = Question(seat.session_id, seat.participant_id, query.ack, query.wait, query.max)
    batch = await or_disconnect(readers.poll(question), request.http)
    body = batch.json() if batch is not None else b""
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


class DirectPolls:
    """Polls as they mostly come, in plain ASGI: past the framework's layers, and what it finds out of a signature.

    Those are most of what a poll costs. Whatever is otherwise, or cannot be read, goes through the framework and is
    told there; a refusal here is answered by the handlers that the framework has of us.
    """

    def __init__(self, app: FastAPI, otherwise: ASGIApp) -> None:
        self._app = app
        self._otherwise = otherwise
        """Serves everything that is no such poll."""
        (self._route,) = router.routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        query = query_of(scope, PollQuery) if _is_poll(scope) else None
        if query is None:
            await self._otherwise(scope, receive, send)
            return
        scope["app"], scope["route"] = self._app, self._route
        http = Request(scope, receive, send)
        answer = await answered(self._app, http, _answer(http, query))
        await answer(scope, receive, send)


async def _answer(http: Request, query: PollQuery) -> Response:
    request = request_of(http, Response(), Permissions.read_mailbox)
    return await messages(query, request, services_of(http).readers)


def _is_poll(scope: Scope) -> bool:
    return scope["path"] == "/messages" and scope["type"] == "http" and scope["method"] == "GET" and not has_body(scope)
