"""Candidates: kept in the connection's list, and fed at once where the endpoint is there already."""

from callplane.contracts.commands import Candidates, Envelope
from callplane.contracts.replies import Done
from wrapper.context import Context
from wrapper.refusals import open_session, seat_in
from wrapper.settle import settle


async def candidates(envelope: Envelope, command: Candidates, context: Context) -> Done:
    """Keep them, also before their offer has come; feeding one twice is harmless (measured)."""
    session = await open_session(envelope.session_id, context)
    await seat_in(session, command.participant_id, context)
    connection = await context.store.connections.add_candidates(
        envelope.id,
        command.connection_id,
        envelope.session_id,
        command.participant_id,
        [candidate.model_dump() for candidate in command.candidates],
    )
    if connection is None or connection.state == "ready":
        await settle(command.connection_id, context)
    return Done()
