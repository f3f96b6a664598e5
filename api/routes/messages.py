"""Long poll over HTTP: asking again is the acknowledgement (design 4)."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.auth.permissions import Permissions
from api.dependencies import SCHEMES, ApiRequest, allowed
from api.guarded_route import GuardedRoute
from api.http.disconnects import or_disconnect
from api.http.openapi import problems
from api.readers.ports import Question, Readers
from api.services import provided
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
