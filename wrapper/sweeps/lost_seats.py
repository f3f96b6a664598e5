"""Lost clients: a seat whose mailbox nobody reads, and none of whose media is connected, ends after its grace."""

import asyncio
from collections.abc import Awaitable, Callable

from callplane.contracts.reasons import SeatReason
from callplane.store.attachments import LIMIT, Attachment
from wrapper.context import Context
from wrapper.ended_seats import end_seat
from wrapper.sweeps.items import Items
from wrapper.sweeps.leases import Leases

LOST: SeatReason = "connection-lost"
LEASE = "grace"
BATCHES = 20
LOOK_SECONDS = 2.0


class LostSeats:
    """The attachment ends first, by compare-and-set, so that a later attach hears it; then the seat is pulled."""

    def __init__(self, context: Context, leases: Leases) -> None:
        self._context = context
        self._store = context.store
        self._leases = leases
        self._items = Items("grace", context.metrics)

    async def sweep(self) -> None:
        """Detach what dead pods held, end what has been away for too long, pull the seats of what has ended."""
        if not self._leases.may_judge():
            return
        await self._store.attachments.detach_orphans(await self._store.pods.holders())
        await self._remove_dead_incarnations()
        await self._until_done(self._end_those_over)
        await self._until_done(self._pull_the_ended)

    async def _remove_dead_incarnations(self) -> None:
        """Read first who stands in seats, then who lives: whoever has begun in between stands in none that was read."""
        standing = await self._store.log_attachments.incarnations()
        dead = standing - await self._store.incarnations.living(standing) if standing else frozenset()
        if dead:
            await self._store.log_attachments.remove_dead(dead)

    async def _until_done(self, some: Callable[[], Awaitable[int]]) -> None:
        """A pod that dies, or a network, may leave thousands: on until fewer are found than a query returns."""
        for _ in range(BATCHES):
            if await some() < LIMIT:
                return

    async def _end_those_over(self) -> int:
        attachments = self._store.attachments
        over = {one.participant_id: one for one in await attachments.past_grace()}
        await self._items.each(over, self._end, lambda one: attachments.graces.put_off(one.participant_id))
        return len(over)

    async def _pull_the_ended(self) -> int:
        """With a closed session everything of it has gone, which most of those leave whose seat was pulled."""
        attachments = self._store.attachments
        ended = await attachments.ended()
        pulled = [one for one in ended if one.pulled]
        closed = await self._store.sessions.closed_among({one.session_id for one in pulled}) if pulled else set()
        over = {one.participant_id for one in pulled if one.session_id in closed}
        if over:
            await attachments.expire(over)
        rest = {one.participant_id: one for one in ended if one.participant_id not in over}
        await self._items.each(rest, self._pull, lambda one: attachments.put_off_pull(one.participant_id))
        return len(ended)

    async def _end(self, attachment: Attachment) -> None:
        """What cannot be ended yet is put off, or many of such would be all that is ever looked at."""
        graces, participant = self._store.attachments.graces, attachment.participant_id
        grace = await self._store.sessions.grace_of(attachment.session_id)
        if grace is not None and (missing := grace - self._reachable_for()) > 0:
            await self._store.sweep_leases.crowd(LEASE)  # one that has lived for longer need not wait
            await graces.wait(participant, min(missing, LOOK_SECONDS))
        elif grace is None or await self._connected(attachment):
            await graces.put_off(participant)
        elif await self._store.attachments.end_if_away(attachment, grace, LOST):
            self._context.metrics.ghost("seat")
            await self._pull(attachment.model_copy(update={"reason": LOST}))
        else:
            await graces.put_off(participant)

    def _reachable_for(self) -> float:
        """Seconds that store and broker have been there: after a full grace everybody had time to come back."""
        since = self._leases.reachable_since
        return 0.0 if since is None else asyncio.get_running_loop().time() - since

    async def _connected(self, attachment: Attachment) -> bool:
        own = await self._store.connections.ready_of(attachment.session_id, attachment.participant_id)
        return any(connection.media_state == "connected" for connection in own)

    async def _pull(self, attachment: Attachment) -> None:
        reason = attachment.reason or LOST
        seat = attachment.session_id, attachment.participant_id
        if attachment.pulled or not await end_seat(*seat, reason, self._context):
            # Its seat went in another way: the mailbox may have been made after the chore that deletes it.
            closed = self._store.sessions.closed_among
            if attachment.engine == "queues" and not await closed([attachment.session_id]):
                await self._context.topology.delete_mailbox(attachment.participant_id)
        await self._store.attachments.expire([attachment.participant_id])
