"""Lost clients: a seat whose mailbox nobody reads, and none of whose media is connected, ends after its grace."""

import asyncio

from callplane.contracts.ids import ParticipantId
from callplane.store.attachments import Attachment
from callplane.store.documents import SessionDocument
from wrapper.context import Context
from wrapper.leases import Leases

LOST = "connection-lost"


class Grace:
    """The attachment ends first, by compare-and-set, so that a later attach hears it; then the seat is pulled."""

    def __init__(self, context: Context, leases: Leases) -> None:
        self._context = context
        self._store = context.store
        self._leases = leases

    async def sweep(self) -> None:
        """Detach what dead pods held, end what has been away for too long, pull the seats of what has ended."""
        if not self._leases.may_judge():
            return
        await self._store.attachments.detach_orphans(await self._store.pods.holders())
        for attachment in await self._store.attachments.past_grace():
            await self._end(attachment)
        for attachment in await self._store.attachments.ended():
            await self._pull(attachment)

    async def _end(self, attachment: Attachment) -> None:
        session = await self._store.sessions.find(attachment.session_id)
        if session is None or session.status == "closed" or not self._long_enough(session):
            return
        if await self._connected(attachment.participant_id, session):
            return
        if await self._store.attachments.end_if_away(attachment, session.settings.grace, LOST):
            self._context.metrics.ghost("seat")
            await self._pull(attachment.model_copy(update={"reason": LOST}))

    def _long_enough(self, session: SessionDocument) -> bool:
        """Whether store and broker have been there for a full grace: everybody had time to come back (design 5)."""
        since = self._leases.reachable_since
        return since is not None and asyncio.get_running_loop().time() - since >= session.settings.grace

    async def _connected(self, participant: ParticipantId, session: SessionDocument) -> bool:
        own = await self._store.connections.of_session(session.id, participant_id=participant, state="ready")
        return any(connection.media_state == "connected" for connection in own)

    async def _pull(self, attachment: Attachment) -> None:
        change = await self._store.seats.pull(
            attachment.session_id, attachment.participant_id, attachment.reason or LOST
        )
        self._context.aftermath.owes(change)
        if change is None:
            # Its seat went in another way: the mailbox may have been made after the chore that deletes it.
            session = await self._store.sessions.find(attachment.session_id)
            if session is None or session.status == "open":
                await self._context.topology.delete_mailbox(attachment.participant_id)
        await self._store.attachments.expire([attachment.participant_id])
