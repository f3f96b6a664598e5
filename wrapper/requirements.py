"""Requirements of commands: one read explains why a guard failed, in the words that HTTP shows (design 5 and 8.4)."""

from datetime import datetime

from callplane.contracts.bounds import SESSION_BYTES
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.store.documents import Seat, SessionDocument
from wrapper.context import Context


async def require_open_session(session_id: SessionId, context: Context) -> SessionDocument:
    """The session, if it is open. Raises Refusal ``not-found`` or ``session-closed``."""
    found = await context.store.sessions.find(session_id)
    if found is None:
        raise Refusal("not-found", f"there is no session {session_id}")
    if found.status == "closed":
        raise Refusal("session-closed", "the session is closed", reason=found.reason)
    return found


async def require_seat(session: SessionDocument, participant_id: ParticipantId, context: Context) -> Seat:
    """The seat, if it is taken. Raises Refusal ``kicked``, ``join-again`` with the reason, or ``not-found``."""
    seat = session.seat(participant_id)
    if seat is not None:
        return seat
    if participant_id in session.kicked:
        raise Refusal("kicked", "this participant was removed from the session")
    attachment = await context.store.attachments.read(participant_id)
    if attachment is None or attachment.session_id != session.id:
        raise Refusal("not-found", f"there is no participant {participant_id} in this session")
    raise Refusal("join-again", "the seat is gone; join again", reason=attachment.reason)


async def room_in(session_id: SessionId, context: Context) -> None:
    """Refuse what would make a session larger that is too large already. Raises Refusal ``too-large``."""
    if await context.store.sessions.is_full(session_id):
        raise Refusal("too-large", f"the session has grown to its {SESSION_BYTES} bytes, all metadata included")


def require_in_time(deadline: datetime, context: Context) -> None:
    """Refuse what its caller has long given up. Raises Refusal ``unavailable``."""
    if context.store.clock.now() >= deadline:
        raise Refusal("unavailable", "the command came too late to be carried out", retry_after=1)
