"""Close: everybody is told, and the chores take away what the session had."""

from callplane.contracts.commands import CloseSession, Done, Envelope
from callplane.contracts.errors import Trouble
from callplane.contracts.refusals.sessions import session_not_found
from callplane.store.decoding import Unreadable
from wrapper.commands.registry import handles
from wrapper.context import Context


@handles(CloseSession)
async def close(envelope: Envelope, command: CloseSession, context: Context) -> Done:
    """End the session; one that is closed already is fine, and so is one that cannot be read."""
    sessions = context.store.sessions
    try:
        change = await sessions.close(envelope.session_id, command.reason)
        if change is None and await sessions.find(envelope.session_id) is None:
            raise session_not_found()
    except (Unreadable, Trouble):
        change = await sessions.close_unreadable(envelope.session_id, command.reason)
        if change is None:
            raise
    context.follow_ups.schedule(change)
    return Done()
