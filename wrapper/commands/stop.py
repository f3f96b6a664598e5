"""Stop: one connection ends; one whose offer has not come yet is refused when it comes."""

from callplane.contracts.commands import Done, Envelope, Stop
from callplane.contracts.refusals.connections import connection_not_found
from wrapper.commands.registry import handles
from wrapper.context import Context


@handles(Stop)
async def stop(envelope: Envelope, command: Stop, context: Context) -> Done:
    """Release it; one that has ended already is fine, another's is not found."""
    change = await context.store.connections.stop(
        command.connection_id, envelope.session_id, command.participant_id, command.reason
    )
    context.follow_ups.schedule(change)
    if change is None:
        found = await context.store.connections.find(command.connection_id)
        if found is not None and found.participant_id != command.participant_id:
            raise connection_not_found()
    return Done()
