"""Set-state: one key of the shared state, whatever others do with other keys."""

from callplane.contracts.commands import Envelope, SetState, StateSet
from callplane.contracts.errors import Trouble
from callplane.contracts.refusals.sessions import stale_key, state_full
from callplane.store.documents import SessionDocument
from callplane.store.shared_state import StateGuard
from wrapper.commands.registry import handles
from wrapper.context import Context
from wrapper.requirements import (
    require_in_time,
    require_open_with_seat,
    require_open_with_state,
    require_seat,
    room_in,
)


@handles(SetState)
async def set_state(envelope: Envelope, command: SetState, context: Context) -> StateSet:
    """Change the key once and in time; a repeat, and who takes away what is gone, answer with what is there."""
    guard = StateGuard(envelope.id, envelope.deadline, envelope.caller.participant_id, command.if_version)
    change = await context.store.shared_state.set(envelope.session_id, command.key, command.value, guard)
    if change is not None:
        context.follow_ups.schedule(change)
        return StateSet(version=0 if command.value is None else change.document.version)
    session = await require_open_with_state(envelope.session_id, context)
    version = session.version_of(command.key)
    if envelope.id not in session.applied and (version or command.value is not None):
        await _explain(envelope, command, session, context)
    return StateSet(version=version)


async def _explain(envelope: Envelope, command: SetState, session: SessionDocument, context: Context) -> None:
    """Why the key was not changed. Raises Refusal and Trouble."""
    participant_id, version = envelope.caller.participant_id, session.version_of(command.key)
    if participant_id is not None:
        await require_seat(await require_open_with_seat(session.id, participant_id, context), participant_id, context)
    if command.if_version not in (None, version):
        raise stale_key(command.key, version)
    require_in_time(envelope.deadline, context)
    if command.value is not None:
        await room_in(session.id, context)
        if not await context.store.shared_state.fits(session.id, command.key, command.value):
            raise state_full()
    raise Trouble("the session changed while it was read")
