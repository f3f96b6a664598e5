"""Late repeats: commands that were sent long ago are not sent again, but answered from what is there (design 5)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar, cast

from callplane.contracts.commands import Done, Envelope
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.model import Wire
from callplane.contracts.refusals.requests import answer_not_kept
from callplane.contracts.refusals.sessions import kicked, seat_gone, session_closed, session_not_found
from callplane.contracts.registry import Command, CommandClass
from callplane.store.attachments import Attachments
from callplane.store.connections import Connections
from callplane.store.documents import Seat, SessionDocument
from callplane.store.sessions import Sessions

Body = TypeVar("Body", bound=Command[Wire])
Result = TypeVar("Result", bound=Wire)


@dataclass(frozen=True, slots=True)
class LateRepeats:
    """Rebuilds status and ids, for replies are stored nowhere.

    A wrapper knows its last 256 commands by id: one that is repeated later than that might be carried out twice.
    """

    sessions: Sessions
    connections: Connections
    attachments: Attachments

    async def reply(self, envelope: Envelope) -> Wire | None:
        """What a wrapper would answer to the repeat; None: it is still on its way. Raises Refusal."""
        body = envelope.body
        if (answer := ANSWERS.get(type(body))) is not None:
            return await answer(envelope, body, self)
        if body.reply_type() is Done:
            return Done()
        raise answer_not_kept()

    async def open_session(self, session_id: SessionId) -> SessionDocument:
        """The session, if it is open. Raises Refusal ``not-found`` or ``session-closed``."""
        session = await self.sessions.find(session_id)
        if session is None:
            raise session_not_found()
        if session.status == "closed":
            raise session_closed(session.reason)
        return session

    async def seat(self, session: SessionDocument, participant_id: ParticipantId) -> Seat:
        """The seat, if it is taken. Raises Refusal ``kicked`` or ``join-again`` with the reason."""
        seat = session.any_seat(participant_id)
        if seat is not None:
            return seat
        if participant_id in session.kicked:
            raise kicked()
        ended = await self.attachments.read(participant_id)
        raise seat_gone(ended.reason if ended else None)


LateAnswer = Callable[[Envelope, Body, LateRepeats], Awaitable[Result | None]]
"""Reads what a wrapper would answer to an old command; None: it is still on its way. Raises Refusal."""

AnyLateAnswer = LateAnswer[Command[Wire], Wire]

_ANSWERS: dict[type[Command[Wire]], AnyLateAnswer] = {}

ANSWERS: Mapping[type[Command[Wire]], AnyLateAnswer] = MappingProxyType(_ANSWERS)
"""The late answer of each command that has one, entered by ``answers_late``."""


def answers_late(
    command: CommandClass[Body, Result],
) -> Callable[[LateAnswer[Body, Result]], LateAnswer[Body, Result]]:
    """Above the function that answers old repeats of ``command``; those that are answered with Done need none."""
    kind = cast(type[Command[Wire]], command)

    def enter(answer: LateAnswer[Body, Result]) -> LateAnswer[Body, Result]:
        # It is found by the class of the body that it is given, so the body is of the class that it takes.
        if _ANSWERS.setdefault(kind, cast(AnyLateAnswer, answer)) is not answer:
            raise TypeError(f"{kind.__name__} has a late answer already")
        return answer

    return enter
