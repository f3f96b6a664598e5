"""Requirements of commands: one read explains why a guard failed, in the words that HTTP shows (design 5 and 8.4)."""

from datetime import datetime

from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.refusals.sessions import (
    kicked,
    participant_not_found,
    seat_gone,
    session_closed,
    session_not_found,
    session_too_large,
    too_late,
)
from callplane.store.documents import Seat, SessionDocument
from wrapper.context import Context


async def require_open_session(session_id: SessionId, context: Context) -> SessionDocument:
    """The session, if it is open. Raises Refusal ``not-found`` or ``session-closed``."""
    return _open(await context.store.sessions.find(session_id))


async def require_open_with_seat(
    session_id: SessionId, participant_id: ParticipantId, context: Context, *others: ParticipantId
) -> SessionDocument:
    """The same, of which that seat alone is read, if there is one, and these others: for who asks of no more."""
    return _open(await context.store.sessions.with_seat(session_id, participant_id, *others))


async def require_open_with_seats(
    session_id: SessionId, context: Context, *participants: ParticipantId
) -> SessionDocument:
    """The same of several; which commands were applied is not read."""
    return _open(await context.store.sessions.with_seats(session_id, *participants))


def _open(found: SessionDocument | None) -> SessionDocument:
    if found is None:
        raise session_not_found()
    if found.status == "closed":
        raise session_closed(found.reason)
    return found


async def require_open_with_state(session_id: SessionId, context: Context) -> SessionDocument:
    """The same with its shared state and the commands that were applied, and nobody who sits there."""
    return _open(await context.store.shared_state.read(session_id))


async def require_seat(session: SessionDocument, participant_id: ParticipantId, context: Context) -> Seat:
    """The seat, hidden or not, if it is taken. Raises Refusal ``kicked``, ``join-again`` with why, or ``not-found``."""
    seat = session.any_seat(participant_id)
    if seat is not None:
        return seat
    if participant_id in session.kicked:
        raise kicked()
    attachment = await context.store.attachments.read(participant_id)
    if attachment is None or attachment.session_id != session.id:
        raise participant_not_found()
    raise seat_gone(attachment.reason)


async def room_in(session_id: SessionId, context: Context) -> None:
    """Refuse what would make a session larger that is too large already. Raises Refusal ``too-large``."""
    if await context.store.sessions.is_full(session_id):
        raise session_too_large()


def require_in_time(deadline: datetime, context: Context) -> None:
    """Refuse what its caller has long given up. Raises Refusal ``unavailable``."""
    if context.store.clock.now() >= deadline:
        raise too_late()
