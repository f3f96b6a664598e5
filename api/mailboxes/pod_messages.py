"""Pod messages: what pods write to each other about polls, a line of JSON, and after an answer's the bodies."""

from collections.abc import Iterable
from datetime import datetime
from itertools import accumulate, pairwise
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from api.mailboxes.unacked import Batch
from callplane.bus.mailbox_ports import Publication
from callplane.contracts.errors import Problem
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.model import Wire


class PollRequest(Wire):
    """A poll for a mailbox that the addressee holds. The same ``id`` again is the same poll."""

    kind: Literal["ask"] = "ask"
    id: str
    sender: str
    participant_id: ParticipantId
    session_id: SessionId
    ack: str | None
    most: int
    wait: float
    asked: datetime
    after: str | None = None


class PollCancelled(Wire):
    """The client of this poll is gone."""

    kind: Literal["left"] = "left"
    id: str


class PollRelease(Wire):
    """The sender is about to stop: answer this poll now, with nothing if there is nothing.

    Its client hears nothing before that: else its next poll, by another way, could come to the holder first.
    """

    kind: Literal["release"] = "release"
    id: str
    sender: str


class ParkedPolls(Wire):
    """The polls that the sender has parked at the addressee."""

    kind: Literal["roll"] = "roll"
    sender: str
    ids: list[str]


class UnknownPolls(Wire):
    """Of the polls that were named parked: those that the holder does not know, mostly none. It is there, this says."""

    kind: Literal["strangers"] = "strangers"
    sender: str
    ids: list[str]


class PollParked(Wire):
    """The poll waits at the holder."""

    kind: Literal["parked"] = "parked"
    id: str


class NotHolder(Wire):
    """The mailbox is neither held nor being taken there."""

    kind: Literal["not-mine"] = "not-mine"
    id: str


class PollRefused(Wire):
    """The poll ended with a refusal."""

    kind: Literal["refused"] = "refused"
    id: str
    problem: Problem


class PollAnswer(Wire):
    """The poll's batch; the bodies follow the line, one after the other."""

    kind: Literal["answered"] = "answered"
    id: str
    tokens: list[str]
    sizes: list[int]


PodMessage = (
    PollRequest
    | PollCancelled
    | PollRelease
    | ParkedPolls
    | UnknownPolls
    | PollParked
    | NotHolder
    | PollRefused
    | PollAnswer
)

_ADAPTER: TypeAdapter[PodMessage] = TypeAdapter(Annotated[PodMessage, Field(discriminator="kind")])


def encode(message: PodMessage, bodies: Iterable[bytes] = ()) -> bytes:
    """A pod message as bytes."""
    return message.model_dump_json().encode() + b"\n" + b"".join(bodies)


def decode(text: bytes) -> tuple[PodMessage, bytes] | None:
    """The pod message and what follows its line; None for one that this version does not understand."""
    line, _, rest = text.partition(b"\n")
    try:
        return _ADAPTER.validate_json(line), rest
    except ValidationError:
        return None


def encode_batch(poll: str, batch: Batch) -> bytes:
    """The answer to a forwarded poll."""
    received = batch.received
    answer = PollAnswer(id=poll, tokens=[one.token for one in received], sizes=[len(one.body) for one in received])
    return encode(answer, (one.body for one in received))


def decode_batch(answer: PollAnswer, bodies: bytes) -> Batch:
    """The batch of an answer."""
    cuts = pairwise(accumulate(answer.sizes, initial=0))
    pieces = (bodies[start:end] for start, end in cuts)
    return Batch(tuple(Publication(token, body) for token, body in zip(answer.tokens, pieces, strict=True)))
