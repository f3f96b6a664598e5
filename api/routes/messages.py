"""Long poll over HTTP: asking again is the acknowledgement (design 4)."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, ValidationError

from api.auth.permissions import Permissions
from api.dependencies import SCHEMES, ApiRequest, allowed, authenticate, request_of
from api.guarded_route import GuardedRoute, has_body
from api.http.disconnects import or_disconnect
from api.http.openapi import problems
from api.readers.ports import Question, Readers
from api.services import provided, services_of
from callplane.contracts.messages import Message


class PollRoute(GuardedRoute):
    """A poll as it mostly comes, without what the framework would find out of the route's signature each time.

    That is half of what a poll costs. Whatever is otherwise, or wrong, goes the general way, and is told there.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The short way, with the general one behind it."""
        general, endpoint = super().get_route_handler(), self.endpoint

        async def poll(http: Request) -> Response:
            services = services_of(http)
            authenticate(services, http)
            query = None if has_body(http) else _query(http)
            if query is None:
                return await general(http)
            request = request_of(http, Response(), Permissions.read_mailbox)
            answer: Response = await endpoint(query, request, services.readers)
            return answer

        return poll


router = APIRouter(tags=["messages"], route_class=PollRoute, dependencies=SCHEMES)


class MessagesView(BaseModel):
    """The answer to a poll; an empty list is the heartbeat."""

    messages: list[Message] = Field(description="in order; drop those whose `id` you have seen")
    ack: str | None = Field(description="send it back as `ack` once the messages are dealt with; null with none")


class PollQuery(BaseModel):
    """What a poll says of itself."""

    ack: str | None = Field(default=None, max_length=128, description="the `ack` of the last answer; unknown: ignored")
    wait: float = Field(default=25, ge=0, le=60, description="seconds to wait for a message")
    max: int = Field(default=100, ge=1, le=500, description="the most messages to answer with")


def _query(http: Request) -> PollQuery | None:
    """What the poll says of itself; None where that cannot be read."""
    try:
        return PollQuery.model_validate(dict(http.query_params))
    except ValidationError:
        return None


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
