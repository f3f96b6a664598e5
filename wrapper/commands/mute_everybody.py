"""Mute-everybody: all seats but some by one update with one event; it is enforced on the media server."""

from callplane.contracts.commands import Envelope, EverybodyMuted, MuteEverybody
from callplane.contracts.errors import Trouble
from callplane.store.seats import SeatGuard
from wrapper.commands.registry import handles
from wrapper.context import Context
from wrapper.requirements import require_in_time, require_open_session


@handles(MuteEverybody)
async def mute_everybody(envelope: Envelope, command: MuteEverybody, context: Context) -> EverybodyMuted:
    """Mute whoever sits there once; a repeat answers with the present version."""
    guard = SeatGuard(envelope.id, envelope.deadline)
    change = await context.store.seats.mute_everybody(envelope.session_id, command.media, command.but, guard)
    if change is not None:
        context.follow_ups.schedule(change)
        return EverybodyMuted(version=change.document.version)
    session = await require_open_session(envelope.session_id, context)
    if envelope.id not in session.applied:
        require_in_time(envelope.deadline, context)
        raise Trouble("the session changed while it was read")
    return EverybodyMuted(version=session.version)
