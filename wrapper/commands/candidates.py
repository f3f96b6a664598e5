"""Candidates: kept in the connection's list, and the new ones fed at once where the endpoint is there already."""

from typing import Any

from callplane.contracts.bounds import CANDIDATES
from callplane.contracts.commands import Candidate, Candidates, Done, Envelope
from callplane.store.documents import ConnectionDocument
from wrapper.commands.registry import handles
from wrapper.context import Context
from wrapper.media.port import Gone
from wrapper.negotiation.reconcile import reconcile
from wrapper.requirements import require_open_with_seat, require_seat


@handles(Candidates)
async def candidates(envelope: Envelope, command: Candidates, context: Context) -> Done:
    """Keep them, also before their offer has come; costs one update and a call for each that is new.

    Those that come before the commit are fed by ``reconcile`` after it: the update that keeps them and the one that
    commits are on one document, so one of the two sees the other.
    """
    given = list({tuple(c.model_dump().items()): c.model_dump() for c in command.candidates}.values())
    before = await _keep(envelope, command, given, context)
    if before is not None:
        room = CANDIDATES - len(before.candidates)
        await _feed(before, [c for c in given if c not in before.candidates][:room], context)
        return Done()
    # Unknown, for they may come before their offer; or a repeat, whose first delivery may not have come to the feeding.
    session = await require_open_with_seat(envelope.session_id, command.participant_id, context)
    await require_seat(session, command.participant_id, context)
    await context.store.connections.create_unoffered(command.connection_id, envelope.session_id, command.participant_id)
    if await _keep(envelope, command, given, context) is None:
        found = await context.store.connections.find(command.connection_id)
        if found is not None and found.participant_id == command.participant_id:
            await _feed(found, [c for c in given if c in found.candidates], context)
    return Done()


async def _keep(
    envelope: Envelope, command: Candidates, given: list[dict[str, Any]], context: Context
) -> ConnectionDocument | None:
    return await context.store.connections.add_candidates(
        envelope.id, command.connection_id, envelope.session_id, command.participant_id, given
    )


async def _feed(connection: ConnectionDocument, new: list[dict[str, Any]], context: Context) -> None:
    if connection.state != "ready" or connection.endpoint is None:
        return
    try:
        for candidate in new:
            await context.media.add_candidate(connection.endpoint, Candidate.model_validate(candidate))
    except Gone:
        await reconcile(connection.id, context)  # which says what is gone, the endpoint alone or its pipeline
