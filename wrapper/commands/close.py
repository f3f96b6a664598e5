"""Close: everybody is told, and the chores take away what the session had."""

from callplane.contracts.commands import CloseSession, Envelope
from callplane.contracts.errors import Refusal
from callplane.contracts.replies import Done
from wrapper.context import Context


async def close(envelope: Envelope, command: CloseSession, context: Context) -> Done:
    """End the session; one that is closed already is fine."""
    change = await context.store.sessions.close(envelope.session_id, command.reason)
    context.aftermath.owes(change)
    if change is None and await context.store.sessions.find(envelope.session_id) is None:
        raise Refusal("not-found", f"there is no session {envelope.session_id}")
    return Done()
