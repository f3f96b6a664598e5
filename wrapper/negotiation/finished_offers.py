"""Finished offers: found when whoever answered one last was cut off, perhaps only from saying so (design 3.4)."""

from collections.abc import Awaitable, Callable

from callplane.contracts.commands import Envelope, Negotiated, Publish, Subscribe
from callplane.contracts.ids import connection_made_by
from callplane.store.documents import ConnectionDocument
from callplane.store.views import connection_view
from wrapper.context import Context
from wrapper.negotiation.offer import tell_answer


def finished(context: Context) -> Callable[[Envelope], Awaitable[Negotiated | None]]:
    """What the bus asks before it gives up a command whose last attempt may have lost nothing but its ack."""

    async def ask(envelope: Envelope) -> Negotiated | None:
        body = envelope.body
        if not isinstance(body, Publish | Subscribe):
            return None
        connections = context.store.connections
        made = await connections.find(connection_made_by(envelope.id))
        if made is None or made.state != "ready" or not await _in_place(made, context):
            return None
        if body.replaces is not None:
            old = await connections.release_replaced(body.replaces, body.participant_id, made.kind)
            context.follow_ups.schedule(old)
        # A chore, not a call: if reconciling is what ended the attempts, it is not to end this one too.
        context.follow_ups.schedule(await connections.schedule_reconciliation(made.id))
        await tell_answer(envelope, made, context)
        return Negotiated(connection=connection_view(made))

    return ask


async def _in_place(made: ConnectionDocument, context: Context) -> bool:
    """Whether it is of the session's present epoch, and what it sends is among the streams."""
    session = await context.store.sessions.with_seats(made.session_id, made.participant_id)
    if session is None or session.status == "closed" or session.epoch != made.epoch:
        return False
    return made.kind == "subscribe" or any(stream.connection_id == made.id for stream in session.streams)
