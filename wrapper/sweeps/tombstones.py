"""Tombstones: forgets closed sessions, their mailboxes and queues, when they have been readable for long enough."""

from callplane.contracts.ids import SessionId
from wrapper.context import Context
from wrapper.sweeps.items import Items

LEASE = "tombstones"


class Tombstones:
    """Deletes what a closed session has left, the document last, so that what was cut short is found again."""

    def __init__(self, context: Context, seconds: int) -> None:
        self._context = context
        self._seconds = seconds
        self._items = Items(LEASE, context.metrics)

    async def sweep(self) -> None:
        """Forget closed sessions when their mailboxes have been readable for long enough."""
        sessions = self._context.store.sessions
        found = await sessions.tombstones(self._seconds)
        await self._items.each({id_: id_ for id_ in found}, self._delete, sessions.put_off)

    async def _delete(self, session_id: SessionId) -> None:
        store, topology = self._context.store, self._context.topology
        for attachment in await store.attachments.of_session(session_id):
            # It ends before its queue goes, or who reads it would take the queue for lost, and make it again.
            await store.attachments.end(attachment.participant_id, "session-closed")
            await topology.delete_mailbox(attachment.participant_id)
        await store.attachments.delete_of(session_id)
        await store.connections.delete_of(session_id)
        await topology.delete_session(session_id)
        await store.sessions.delete_tombstone(session_id)
