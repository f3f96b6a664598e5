"""From a delivery to its handler, with the words for what went wrong on the way to the media server."""

from collections.abc import Awaitable, Callable

from pydantic import BaseModel

from callplane.bus.ports import Delivery
from callplane.contracts.commands import Envelope, Publish, Subscribe
from callplane.contracts.errors import Busy, Problem, Refusal, Trouble
from callplane.contracts.ids import SessionId, id_made_by
from wrapper.commands.registry import HANDLERS
from wrapper.context import Context
from wrapper.media.port import Gone, Unreached
from wrapper.outcome import tell_error

HOPELESS = "the offer could not be answered; offer again"

Exclude = Callable[[SessionId, str], Awaitable[None]]
"""Stops listening to a session whose media server only others reach."""


def handler(context: Context, exclude: Exclude) -> Callable[[Delivery], Awaitable[BaseModel]]:
    """What the bus calls for each command."""

    async def handle(delivery: Delivery) -> BaseModel:
        envelope = delivery.envelope
        try:
            return await HANDLERS[type(envelope.body)](envelope, envelope.body, context)
        except Refusal as refusal:
            await tell_error(envelope, refusal.problem, context, final=not refusal.problem.retryable)
            raise
        except Gone as gone:
            raise Trouble(str(gone)) from gone
        except Unreached as unreached:
            if not await context.store.servers.reached_by_others(unreached.server, context.wrapper):
                raise
            # Before it is returned: else it would come back to us as often as to anybody.
            await exclude(SessionId(envelope.session_id), unreached.server)
            raise Busy(str(unreached)) from unreached

    return handle


def abandon(context: Context) -> Callable[[Envelope], Awaitable[None]]:
    """What the bus calls before it buries a command: what its attempts had begun is released."""

    async def give_up(envelope: Envelope) -> None:
        body = envelope.body
        if not isinstance(body, Publish | Subscribe):
            return
        connections, made = context.store.connections, id_made_by(envelope.id)
        context.follow_ups.schedule(await connections.release(made, "failed"))
        await tell_error(envelope, Problem(code="unavailable", detail=HOPELESS), context, final=True)
        if body.replaces is None or isinstance(body, Subscribe):
            return
        # The swap is one write: either the old one has its place still, and its viewers, or it must go too.
        session = await context.store.sessions.find(envelope.session_id)
        if session is not None and any(stream.connection_id == body.replaces for stream in session.streams):
            await connections.follow(session.id, body.participant_id, made, body.replaces)
        else:
            old = await connections.release_replaced(body.replaces, body.participant_id, "publish")
            context.follow_ups.schedule(old)

    return give_up
