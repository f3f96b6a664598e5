"""Update-session: the fields that the caller named, and nothing else."""

from callplane.contracts.commands import Envelope, SessionChanged, UpdateSession
from callplane.contracts.errors import Trouble
from callplane.contracts.refusals.sessions import stale_version
from callplane.store.views import session_view
from wrapper.commands.registry import handles
from wrapper.context import Context
from wrapper.requirements import require_in_time, require_open_session, room_in


@handles(UpdateSession)
async def update_session(envelope: Envelope, command: UpdateSession, context: Context) -> SessionChanged:
    """Change the session once; a repeat answers with the present state."""
    change = await context.store.sessions.update(
        envelope.session_id, envelope.id, command.changes, envelope.deadline, command.if_match
    )
    if change is not None:
        context.follow_ups.schedule(change)
        await _reckon_graces(envelope, command, context)
        return SessionChanged(session=session_view(change.document))
    session = await require_open_session(envelope.session_id, context)
    if envelope.id not in session.applied:
        if command.if_match not in (None, session.version):
            raise stale_version(session.version)
        require_in_time(envelope.deadline, context)
        await room_in(session.id, context)
        raise Trouble("the session changed while it was read")
    await _reckon_graces(envelope, command, context)
    return SessionChanged(session=session_view(session))


async def _reckon_graces(envelope: Envelope, command: UpdateSession, context: Context) -> None:
    """Anew, for those that run: also in a repeat, for an attempt may have died before."""
    if "grace" in command.changes:
        await context.store.attachments.graces.reset(envelope.session_id)
        await context.store.media_states.graces.reset(envelope.session_id)
