"""Telling whoever offered what it came to: the caller may have stopped waiting for the reply (design 3.5)."""

from callplane.contracts.commands import Envelope, Publish, Subscribe
from callplane.contracts.errors import Problem, Trouble, Unavailable
from callplane.contracts.ids import ParticipantId, derived_id
from callplane.contracts.messages import Message
from callplane.store.documents import ConnectionDocument
from wrapper.context import Context


async def tell_error(envelope: Envelope, problem: Problem, context: Context, *, final: bool) -> None:
    """Put an ``error`` into the mailbox of whoever offered; other commands are told by their reply alone.

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
        data={"command_id": envelope.id, "problem": problem.shown()},
    )
    await context.messenger.to_participant(ParticipantId(envelope.body.participant_id), message)


async def tell_answer(envelope: Envelope, connection: ConnectionDocument, context: Context) -> None:
    """Put the answer into the mailbox of whoever offered. Raises Trouble, for the answer is told or not given."""
    data = {
        "command_id": envelope.id,
        "connection_id": connection.id,
        "sdp_answer": connection.answer,
        "media": connection.media,
    }
    message = Message(
        id=envelope.id, type="answer", session_id=connection.session_id, at=context.store.clock.now(), data=data
    )
    try:
        await context.messenger.to_participant(ParticipantId(connection.participant_id), message)
    except Unavailable as away:
        raise Trouble(f"the answer could not be told: {away}") from away
