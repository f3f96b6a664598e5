"""Command handler: from a delivery to the function that carries its command out, and who is told what went wrong."""

from collections.abc import Awaitable, Callable

from pydantic import BaseModel

from callplane.bus.ports import Delivery
from callplane.contracts.commands import Envelope, Publish, Subscribe
from callplane.contracts.errors import Busy, Elsewhere, Problem, Refusal, Trouble
from callplane.contracts.events import asked_by
from callplane.contracts.ids import SessionId, connection_made_by, derived_id
from callplane.contracts.messages import Message
from callplane.contracts.refusals.connections import offer_not_answered
from wrapper.commands.registry import HANDLERS
from wrapper.context import Context
from wrapper.media.port import Gone, SlotsTaken, Unreached

Exclude = Callable[[SessionId, str], Awaitable[None]]
"""Stops listening to a session whose media server only others reach."""

Leave = Callable[[str], Awaitable[None]]
"""Stops taking what is passed on to those who reach a media server."""


def handler(context: Context, exclude: Exclude, leave: Leave) -> Callable[[Delivery], Awaitable[BaseModel]]:
    """What the bus calls for each command."""

    async def handle(delivery: Delivery) -> BaseModel:
        envelope = delivery.envelope
        try:
            with asked_by(envelope.caller, envelope.request_id):
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
            if delivery.shared:
                await leave(unreached.server)
                raise Elsewhere(unreached.server) from unreached
            await exclude(envelope.session_id, unreached.server)
            raise Busy(str(unreached)) from unreached
        except SlotsTaken as taken:
            # Nothing was tried, so it does not count; what comes too late for its caller is not repeated for ever.
            if context.store.clock.now() > envelope.deadline:
                raise
            raise Busy(str(taken)) from taken

    return handle


def abandon(context: Context) -> Callable[[Envelope], Awaitable[None]]:
    """What the bus calls before it buries a command: what its attempts had begun is released."""

    async def give_up(envelope: Envelope) -> None:
        body = envelope.body
        if not isinstance(body, Publish | Subscribe):
            return
        connections, made = context.store.connections, connection_made_by(envelope.id)
        context.follow_ups.schedule(await connections.release(made, "failed"))
        await tell_error(envelope, offer_not_answered().problem, context, final=True)
        if body.replaces is None or isinstance(body, Subscribe):
            return
        # The swap is one write: either the old one has its place still, and its viewers, or it must go too.
        session = await context.store.sessions.with_seats(envelope.session_id, body.participant_id)
        if session is not None and any(stream.connection_id == body.replaces for stream in session.streams):
            await connections.redirect_subscriptions(session.id, body.participant_id, made, body.replaces)
        else:
            old = await connections.release_replaced(body.replaces, body.participant_id, "publish")
            context.follow_ups.schedule(old)

    return give_up


async def tell_error(envelope: Envelope, problem: Problem, context: Context, *, final: bool) -> None:
    """Put an ``error`` into the mailbox of whoever offered, who may have stopped waiting for the reply (design 3.5).

    What is final has the command's id, like the answer that it takes the place of. What a repeat of the command may
    still cure has an id of its own, so that no client takes the answer for a repeat of it.
    """
    if not isinstance(envelope.body, Publish | Subscribe):
        return
    message = Message(
        id=envelope.id if final else derived_id("error", envelope.id, problem.code),
        type="error",
        session_id=envelope.session_id,
        at=context.store.clock.now(),
        data={"command_id": envelope.id, "problem": problem.as_problem()},
    )
    await context.messenger.to_participant(envelope.body.participant_id, message)
