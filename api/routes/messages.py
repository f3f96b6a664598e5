"""The long poll over HTTP: asking again is the acknowledgement (design 4)."""

import asyncio
from collections.abc import Awaitable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from api.asked import SCHEMES, AskedOf
from api.auth import Anybody, Credential
from api.documented import problems
from api.tokens import SeatToken
from callplane.contracts.errors import Refusal
from callplane.contracts.messages import Message

router = APIRouter(tags=["messages"], dependencies=SCHEMES)

T = TypeVar("T")


class MessagesView(BaseModel):
    """The answer to a poll; an empty list is the heartbeat."""

    messages: list[Message] = Field(description="in order; drop those whose `id` you have seen")
    ack: str | None = Field(description="send it back as `ack` once the messages are dealt with; null with none")


class Question(BaseModel):
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
async def messages(request: Request, question: Annotated[Question, Query()], asked: AskedOf) -> Response:
    """Acknowledge everything up to `ack`, and get what follows it; what is not acknowledged is given again."""
    seat = _seat(asked.credential)
    doors = asked.parts.doors
    poll = doors.asked((seat.session_id, seat.participant_id), question.ack, question.wait, question.max)
    batch = await _unless_gone(doors.poll(poll), request)
    body = batch.json() if batch is not None else b""
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


def _seat(credential: Credential) -> SeatToken:
    if isinstance(credential, Anybody):
        raise Refusal("unauthorized", "This needs the token of a participant.")
    if not isinstance(credential, SeatToken):
        raise Refusal("forbidden", "This needs the token of a participant.")
    return credential


async def _unless_gone(work: Awaitable[T], request: Request) -> T | None:
    """The outcome of ``work``, which is cancelled when the client leaves: uvicorn does not cancel the handler."""
    async with asyncio.TaskGroup() as tasks:
        leaving = tasks.create_task(_gone(request))
        working = tasks.create_task(_outcome(work))
        await asyncio.wait((leaving, working), return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        working.cancel()
    if working.cancelled():
        if not leaving.cancelled():
            return None
        raise Refusal("unavailable", "The poll ended before its time.")  # An empty 200 would say "no messages".
    outcome = working.result()
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


async def _outcome(work: Awaitable[T]) -> T | Exception:
    """The result or the exception, as a value: a task group would wrap it into a group."""
    try:
        return await work
    except Exception as failure:
        return failure


async def _gone(request: Request) -> None:
    """Back when the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
