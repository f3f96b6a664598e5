"""One request for the messages of a seat, and what may become of it."""

from dataclasses import dataclass
from datetime import datetime

from callplane.contracts.errors import Problem, Refusal
from callplane.contracts.ids import ParticipantId, SessionId


@dataclass(frozen=True, slots=True)
class Poll:
    """What a client asks: ``until`` is in this process's loop time, ``asked`` in database time.

    ``after`` is the token of what an open stream was given last: it wants what follows, and acknowledges nothing by it.
    """

    participant_id: ParticipantId
    session_id: SessionId
    ack: str | None
    most: int
    until: float
    asked: datetime
    after: str | None = None


class NotHeld(Exception):
    """The mailbox is not, or no longer, where it was looked for: look again."""


def replaced() -> Refusal:
    """A newer poll of the same seat is there."""
    return Refusal("poll-replaced")


def unavailable(why: str) -> Refusal:
    """This pod cannot say anything about the mailbox now."""
    return Refusal("unavailable", why, retry_after=1)


def gone(reason: str | None) -> Refusal:
    """The seat is gone."""
    return Refusal("join-again", reason=reason or "connection-lost")


def refusal_of(problem: Problem) -> Refusal:
    """A refusal that another pod has written down."""
    return Refusal(problem.code, problem.detail, reason=problem.reason, retry_after=problem.retry_after)
