"""Poll router: a poll, answered on whichever pod it came in, by the holder of its mailbox (design 4)."""

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

    def __init__(self, pod: Pod, services: MailboxServices) -> None:
        self.pod = pod
        self._services = services

    @property
    def timing(self) -> Timing:
        """The delays of this pod."""
        return self._services.timing

    def new_poll(self, seat: tuple[SessionId, ParticipantId], ack: str | None, wait: float, most: int) -> Poll:
        """A poll that comes in now."""
        session_id, participant_id = seat
        until = asyncio.get_running_loop().time() + wait
        return Poll(participant_id, session_id, ack, most, until, self._services.clock.now())

    async def poll(self, poll: Poll) -> Batch:
        """Wait for messages; cancelling says that the client has left. Raises Refusal, or Unavailable.

        It looks for the mailbox until it finds it: whatever moved meanwhile, the acknowledgement may be repeated.
        """
        loop = asyncio.get_running_loop()
        searching = loop.time() + self._services.timing.patience
        while True:
            session = await self.pod.require_link_session()
            tried = loop.time()
            with suppress(NotHeld, LinkLost):
                batch = await self._attempt(session, poll)
                if batch is not None:
                    return batch
            if loop.time() - tried > self._services.timing.silence:
                searching = loop.time() + self._services.timing.patience  # It was parked: this is a new search.
            if loop.time() > searching:
                raise mailbox_moving()

    async def _attempt(self, session: LinkSession, poll: Poll) -> Batch | None:
        """One look: held here, being taken here, held elsewhere, or nobody's; None says look again."""
        holder = session.holder
        mailbox = holder.find(poll.participant_id)
        if mailbox is not None:
            return await mailbox.poll(poll)
        known = session.outgoing.holder_of(poll.participant_id)
        if known is not None:
            return await session.outgoing.forward(known, poll)
        if not holder.is_taking(poll.participant_id):
            if session.tasks.is_crowded:
                raise mailbox_waits_its_turn()
            seen = await session.tasks.in_line(partial(self.require_attachment, poll.participant_id))
            if seen.holder not in (None, session.link.queue):
                try:
                    return await session.outgoing.forward(str(seen.holder), poll)
                except NotHeld:
                    pass
            # Everything up to the mark without waiting, or two polls would take the same mailbox.
            if holder.find(poll.participant_id) is not None:
                return None
            if not holder.is_taking(poll.participant_id):
                holder.take(seen)
        await holder.taken(poll.participant_id)
        return None

    async def require_attachment(self, participant_id: ParticipantId) -> Attachment:
        """Its attachment. Raises Refusal when the seat is gone, and Unavailable."""
        seen = await self._services.attachments.read(participant_id)
        if seen is None or seen.state == "ended":
            raise mailbox_gone(seen.reason if seen else None)
        return seen

    async def drain(self) -> None:
        """Answer everybody and let go; later polls are told to come again."""
        await self.pod.drain()


@asynccontextmanager
async def open_mailboxes(services: MailboxServices, draining: asyncio.Event | None = None) -> AsyncIterator[PollRouter]:
    """Everything that polls need, until the block ends, or ``draining`` has all polls answered."""
    pod = Pod(services)
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(until_done(work.__qualname__, work, failed=services.failed))
            for work in (pod.keep_linked, pod.beat, pod.look_after, pod.compare, pod.name_parked_polls)
        ]
        waiting = tasks.create_task(_drain_at(draining or asyncio.Event(), pod))
        try:
            yield PollRouter(pod, services)
        finally:
            await pod.drain()
            await asyncio.wait(running, timeout=CLOSE_WITHIN)
            for task in (waiting, *running):
                task.cancel()
            await pod.release()


async def _drain_at(draining: asyncio.Event, pod: Pod) -> None:
    await draining.wait()
    await pod.drain()
