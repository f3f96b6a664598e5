"""The entry: one poll, answered on whichever pod it came in (design 4)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from api.mailboxes.pod import LinkSession, MailboxServices, Pod
from api.mailboxes.poll import NotHeld, Poll
from api.mailboxes.timing import Timing
from api.mailboxes.unacked import Batch
from callplane.bus.mailbox_ports import LinkLost
from callplane.concurrency import until_done
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.refusals.mailboxes import mailbox_gone, mailbox_moving, mailbox_waits_its_turn
from callplane.store.attachments import Attachment

CLOSE_WITHIN = 5.0


class PollRouter:
    """Answers polls, and stops answering them in peace."""

    def __init__(self, pod: Pod, shared: MailboxServices) -> None:
        self._pod = pod
        self._shared = shared

    @property
    def timing(self) -> Timing:
        """The delays of this pod."""
        return self._shared.timing

    def asked(self, seat: tuple[SessionId, ParticipantId], ack: str | None, wait: float, most: int) -> Poll:
        """A poll that comes in now."""
        session_id, participant_id = seat
        until = asyncio.get_running_loop().time() + wait
        return Poll(participant_id, session_id, ack, most, until, self._shared.clock.now())

    async def poll(self, poll: Poll) -> Batch:
        """Wait for messages; cancelling says that the client has left. Raises Refusal, or Unavailable.

        It looks for the mailbox until it finds it: whatever moved meanwhile, the acknowledgement may be repeated.
        """
        loop = asyncio.get_running_loop()
        searching = loop.time() + self._shared.timing.patience
        while True:
            station = await self._pod.station()
            tried = loop.time()
            with suppress(NotHeld, LinkLost):
                batch = await self._attempt(station, poll)
                if batch is not None:
                    return batch
            if loop.time() - tried > self._shared.timing.silence:
                searching = loop.time() + self._shared.timing.patience  # It was parked: this is a new search.
            if loop.time() > searching:
                raise mailbox_moving()

    async def _attempt(self, station: LinkSession, poll: Poll) -> Batch | None:
        """One look: held here, being taken here, held elsewhere, or nobody's; None says look again."""
        holder = station.holder
        mailbox = holder.find(poll.participant_id)
        if mailbox is not None:
            return await mailbox.poll(poll)
        known = station.forwards.holder_of(poll.participant_id)
        if known is not None:
            return await station.forwards.ask(known, poll)
        if not holder.is_taking(poll.participant_id):
            if station.tasks.is_crowded:
                raise mailbox_waits_its_turn()
            seen = await station.tasks.in_line(partial(self.living, poll.participant_id))
            if seen.holder not in (None, station.link.queue):
                try:
                    return await station.forwards.ask(str(seen.holder), poll)
                except NotHeld:
                    pass
            # Everything up to the mark without waiting, or two polls would take the same mailbox.
            if holder.find(poll.participant_id) is not None:
                return None
            if not holder.is_taking(poll.participant_id):
                holder.take(seen)
        await holder.taken(poll.participant_id)
        return None

    async def living(self, participant_id: ParticipantId) -> Attachment:
        """Its attachment. Raises Refusal when the seat is gone, and Unavailable."""
        seen = await self._shared.attachments.read(participant_id)
        if seen is None or seen.state == "ended":
            raise mailbox_gone(seen.reason if seen else None)
        return seen

    async def drain(self) -> None:
        """Answer everybody and let go; later polls are told to come again."""
        await self._pod.drain()


@asynccontextmanager
async def open_mailboxes(shared: MailboxServices, draining: asyncio.Event | None = None) -> AsyncIterator[PollRouter]:
    """Everything that polls need, until the block ends, or ``draining`` has all polls answered."""
    pod = Pod(shared)
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(until_done(work.__qualname__, work, failed=shared.failed))
            for work in (pod.keep_linked, pod.beat, pod.look_after, pod.compare, pod.call_rolls)
        ]
        waiting = tasks.create_task(_drain_at(draining or asyncio.Event(), pod))
        try:
            yield PollRouter(pod, shared)
        finally:
            await pod.drain()
            await asyncio.wait(running, timeout=CLOSE_WITHIN)
            for task in (waiting, *running):
                task.cancel()
            await pod.release()


async def _drain_at(draining: asyncio.Event, pod: Pod) -> None:
    await draining.wait()
    await pod.drain()
