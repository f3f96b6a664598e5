"""Create: one insert wins the custom id; whoever answers has declared what the session needs first (design 3)."""

import asyncio
from dataclasses import replace
from typing import Literal

from callplane.contracts.commands import CreateSession, Envelope, SessionMade
from callplane.contracts.errors import Trouble
from callplane.contracts.events import session_event, who_asked
from callplane.contracts.messages import Message
from callplane.contracts.refusals.sessions import custom_id_of_another_tenant, too_late
from callplane.store.documents import SessionDocument
from callplane.store.new_session import Origin
from callplane.store.sessions import DELETED_AFTER
from callplane.store.views import session_summary, session_view
from wrapper.commands.registry import handles
from wrapper.context import Context
from wrapper.quotas import reserved

ROUNDS = 10
SOON = DELETED_AFTER / 2
"""Seconds. A session is not closed before it is made, and its queue not deleted before ``DELETED_AFTER`` after that."""

Ours = Literal["now", "before", "never"]
"""Whether this command has made the session: now, in an attempt before, or not at all."""


@handles(CreateSession)
async def create(envelope: Envelope, command: CreateSession, context: Context) -> SessionMade:
    """Make the session, or find the open one with the same custom id; winner and loser answer alike."""
    time = asyncio.get_running_loop().time
    begun = time()
    session, ours = await _insert(envelope, command, context)
    context.store.engines.remember(session.id, session.engine, session.commands)
    topology, has_queue = context.topology, session.commands != "sharded"
    if has_queue:
        await (topology.open_commands if session.engine == "log" else topology.open_session)(session.id)
    if ours != "never":  # whoever dies before this leaves the command to another attempt, which tells it again
        await _tell(session, context)
    is_fresh = ours == "now" and time() - begun < SOON
    if has_queue and not is_fresh and await _closed_meanwhile(session, context):
        # Declared after the chore had deleted: deleted once more by the tombstone's sweep, and at once here.
        await topology.delete_session(session.id)
    return SessionMade(session=session_view(session), created=ours != "never")


async def _tell(session: SessionDocument, context: Context) -> None:
    """That there is one more: nobody sits there who could be told, so that it is in no outbox."""
    if context.events is not None:
        message = Message(
            id=f"{session.id}:1",
            type="session-created",
            session_id=session.id,
            version=1,
            at=session.created_at,
            data={"session": session_summary(session).model_dump(mode="json") | {"version": 1}},
        )
        asked = who_asked()
        await context.events.publish([session_event(message, replace(asked, tenant=session.tenant))])


async def _insert(envelope: Envelope, command: CreateSession, context: Context) -> tuple[SessionDocument, Ours]:
    sessions, caller = context.store.sessions, envelope.caller
    if caller.quotas is not None and command.custom_id is not None:  # who finds it takes none of what is bounded
        found = await sessions.find_open_by_custom_id(command.custom_id, caller.tenant)
        if found is not None:
            return found, "before" if found.id == envelope.session_id else "never"

    async def is_there() -> bool:
        return await sessions.find(envelope.session_id) is not None

    identity = caller.name if caller.kind == "access" else None
    chosen = await context.engine_choice.of_new_session(envelope.commands)
    origin = Origin(chosen.engine, caller.tenant, chosen.commands, identity, chosen.keyed_records)
    async with reserved("sessions", envelope, identity, context, is_there):
        return await _insert_once(envelope, command, origin, context)


async def _insert_once(
    envelope: Envelope, command: CreateSession, origin: Origin, context: Context
) -> tuple[SessionDocument, Ours]:
    sessions, tenant = context.store.sessions, origin.tenant
    for _ in range(ROUNDS):
        made = await sessions.create(envelope.session_id, command, envelope.deadline, origin)
        if isinstance(made, SessionDocument):
            return made, "now"
        mine = await sessions.find(envelope.session_id)
        if mine is not None:
            return mine, "before"
        if made == "late":
            raise too_late()
        if command.custom_id is not None:
            winner = await sessions.find_open_by_custom_id(command.custom_id, tenant)
            if winner is not None:
                return winner, "never"
            if made == "taken" and await sessions.find_open_by_custom_id(command.custom_id):
                raise custom_id_of_another_tenant()
    raise Trouble("the custom id changed hands again and again")


async def _closed_meanwhile(session: SessionDocument, context: Context) -> bool:
    now = await context.store.sessions.find(session.id)
    return now is None or (now.status == "closed" and await context.store.sessions.is_over(session.id, seconds=2))
