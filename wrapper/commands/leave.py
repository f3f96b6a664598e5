"""Leave and kick: the seat goes first; connections and mailbox are the chores that follow from it."""

from callplane.contracts.commands import Done, Envelope, Leave
from wrapper.commands.registry import handles
from wrapper.context import Context
from wrapper.requirements import require_open_session, require_seat


@handles(Leave)
async def leave(envelope: Envelope, command: Leave, context: Context) -> Done:
    """Give the seat up; one that has gone is fine."""
    change = await context.store.seats.pull(
        envelope.session_id, command.participant_id, command.reason, kick=command.kick
    )
    if change is not None:
        context.follow_ups.schedule(change)
        return Done()
    session = await require_open_session(envelope.session_id, context)
    known = await context.store.attachments.read(command.participant_id)
    if known is None or known.session_id != session.id:
        await require_seat(session, command.participant_id, context)
    return Done()
