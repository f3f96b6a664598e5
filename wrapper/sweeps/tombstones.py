"""Tombstones: forgets closed sessions, their mailboxes and queues, when they have been readable for long enough."""

from callplane.concurrency import for_each
from callplane.contracts.ids import SessionId
from callplane.store.log.records import LogKey
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
        if await self._context.store.engines.of(session_id) == "log":
            await self._delete_with_logs(session_id)
        else:
            await self._delete_mailboxes(session_id)
            await self._delete_rest(session_id)
            await self._context.store.sessions.delete_tombstone(session_id)

    async def _delete_with_logs(self, session_id: SessionId) -> None:
        """Twice, as far apart as the first is from the close, and the document at the second time.

        Nothing keeps a writer that was paused before the first from appending behind what is deleted; nobody can read
        that, but it must not stay for ever.
        """
        store = self._context.store
        seats = await store.sessions.seats_of_deleted_logs(session_id)
        is_first = seats is None
        if seats is None:
            seats = [attachment.participant_id for attachment in await store.attachments.of_session(session_id)]
            await store.sessions.delete_logs_again(session_id, seats, self._seconds)
        keys = [LogKey(seat, session_id) for seat in seats]
        await for_each(store.log_bounds.delete, [*keys, LogKey(session_id, session_id)])
        await self._delete_rest(session_id)
        if not is_first:
            await store.sessions.delete_tombstone(session_id)

    async def _delete_mailboxes(self, session_id: SessionId) -> None:
        store, topology = self._context.store, self._context.topology
        for attachment in await store.attachments.of_session(session_id):
            # It ends before its queue goes, or who reads it would take the queue for lost, and make it again.
            await store.attachments.end(attachment.participant_id, "session-closed")
            await topology.delete_mailbox(attachment.participant_id)

    async def _delete_rest(self, session_id: SessionId) -> None:
        await self._context.store.attachments.delete_of(session_id)
        await self._context.store.connections.delete_of(session_id)
        if await self._context.store.engines.commands_of(session_id) != "sharded":
            await self._context.topology.delete_session(session_id)
