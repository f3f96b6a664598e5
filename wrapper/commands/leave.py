"""Leave and kick: the seat goes first; connections and mailbox are the chores that follow from it."""

from callplane.contracts.commands import Done, Envelope, Leave
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.store.documents import Ban, Replaced, SessionDocument
from callplane.store.seats import Kick
from wrapper.commands.registry import handles
from wrapper.context import Context
from wrapper.ended_seats import end_seat
from wrapper.requirements import require_open_session, require_open_with_seat, require_seat


@handles(Leave)
async def leave(envelope: Envelope, command: Leave, context: Context) -> Done:
    """Give the seat up; one that has gone is fine. A kick takes all seats of its identity."""
    if command.kick:
        return await _kick(envelope.session_id, command, context)
    if not await end_seat(envelope.session_id, command.participant_id, command.reason, context):
        await _require_known(envelope.session_id, command.participant_id, context)
    return Done()


async def _kick(session_id: SessionId, command: Leave, context: Context) -> Done:
    """Ban the identity by the update that takes its seat away, and show it out of what other seats it had by then.

    Nobody of it can sit down after that update, so the document as it was then holds all of these. A repeat finds the
    ban in place of the seat, and goes on.
    """
    session = await require_open_session(session_id, context)
    identity = _identity(session, command.participant_id)
    change = await end_seat(session_id, command.participant_id, command.reason, context, why=Kick(identity))
    if change is None:
        await _require_known(session_id, command.participant_id, context)
    if identity is None:
        return Done()
    if change is None:  # it was replaced, or left, before; or this is a repeat, which bans nobody twice
        await context.store.seats.ban(session_id, command.participant_id, command.reason, Kick(identity))
    after = change.document if change is not None else await require_open_session(session_id, context)
    for seat in after.everybody:
        if seat.identity == identity:
            await end_seat(session_id, seat.id, command.reason, context, why=Kick())
    return Done()


def _identity(session: SessionDocument, participant_id: ParticipantId) -> str | None:
    """Who sits in the seat, or sat there when it was kicked or replaced; None where nobody said."""
    seat = session.any_seat(participant_id)
    if seat is not None:
        return seat.identity
    gone: list[Ban | Replaced] = [*session.bans, *session.replaced]
    return next((one.identity for one in gone if one.participant_id == participant_id), None)


async def _require_known(session_id: SessionId, participant_id: ParticipantId, context: Context) -> None:
    """Refuse who never sat in the session."""
    session = await require_open_with_seat(session_id, participant_id, context)
    known = await context.store.attachments.read(participant_id)
    if known is None or known.session_id != session.id:
        await require_seat(session, participant_id, context)
