"""Holder: the mailboxes that this pod holds on one link, and how it takes one. The next link's holder starts empty."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from api.mailboxes.attachment import HeldAttachment
from api.mailboxes.flow_control import Source
from api.mailboxes.interrupted import InterruptedMailboxes
from api.mailboxes.link_tasks import AT_ONCE, Tasks
from api.mailboxes.lost_bindings import Published
from api.mailboxes.mailbox import Mailbox
from api.mailboxes.unread_seats import detach_unasked
from callplane.bus.mailbox_ports import PREFETCH, LinkLost, MailboxLink, Publication
from callplane.concurrency import for_each
from callplane.contracts.bounds import MAILBOX_LENGTH
from callplane.contracts.errors import NodeDown, Refusal, Trouble, Unavailable
from callplane.contracts.ids import ParticipantId, SessionId, new_id
from callplane.contracts.messages import Message
from callplane.contracts.refusals.mailboxes import database_or_broker_silent, mailbox_gone, mailbox_node_down
from callplane.store.attachments import Attachment, Attachments
from callplane.telemetry.logs import logger

NEARLY_FULL = MAILBOX_LENGTH - 2 * PREFETCH
"""Of a mailbox that holds so many the broker may have dropped some since it was asked last: meanwhile it has given no
more than one grant, and has another on its way."""

STOPPED_CHECKED_EVERY = 5.0


@dataclass(frozen=True, slots=True)
class HolderServices:
    """What holding needs: who writes attachments, the database's time, and the pod's own tasks."""

    attachments: Attachments
    now: Callable[[], datetime]
    tasks: Tasks
    interrupted: InterruptedMailboxes


class Holder:
    """The mailboxes that one link reads, and those that it is taking."""

    def __init__(self, link: MailboxLink, services: HolderServices) -> None:
        self.link = link
        self._services = services
        self._held: dict[ParticipantId, Mailbox] = {}
        """Those that are read here, and polls answered from."""
        self._takings: dict[ParticipantId, asyncio.Future[None]] = {}
        """Those that are being taken, and what tells who waits for it how that ended."""
        self.taken_over = 0
        """How many mailboxes were taken here that had a holder before."""

    def find(self, participant_id: ParticipantId) -> Mailbox | None:
        """The mailbox, if it is held here."""
        return self._held.get(participant_id)

    def is_taking(self, participant_id: ParticipantId) -> bool:
        """Whether it is marked as being taken."""
        return participant_id in self._takings

    def mailboxes(self) -> list[Mailbox]:
        """Everything held."""
        return list(self._held.values())

    def take(self, seen: Attachment) -> None:
        """Mark the mailbox, and take it in a task of the pod: no poll's end stops it half way. Raises LinkLost."""
        if self.link.ended.is_set():
            raise LinkLost
        self._takings[seen.participant_id] = asyncio.get_running_loop().create_future()
        self._services.tasks.start_uncancelled(self._take, seen)

    async def taken(self, participant_id: ParticipantId) -> None:
        """Wait for the outcome of a taking, whatever it is. Raises the Refusal that it ended with."""
        outcome = self._takings.get(participant_id)
        if outcome is not None:
            await asyncio.shield(outcome)

    async def _take(self, seen: Attachment) -> None:
        trouble: Refusal | None = None
        try:
            await self._attach(seen)
        except (Unavailable, Trouble):
            # Whether the write happened is unknown, but nothing is consumed: who asks here hears "not mine".
            trouble = database_or_broker_silent()
        except Refusal as refusal:
            trouble = refusal
        except LinkLost:
            pass
        finally:
            self._end_taking(seen.participant_id, trouble)

    def _end_taking(self, participant_id: ParticipantId, trouble: Refusal | None) -> None:
        outcome = self._takings.pop(participant_id, None)
        if outcome is None:
            return
        if trouble is None:
            outcome.set_result(None)
        else:
            outcome.set_exception(trouble)
            outcome.exception()  # Read once: all who asked may have left, and asyncio would complain.

    async def _attach(self, seen: Attachment) -> None:
        """Become the holder in the database, then consume: in this order, for who reads the database comes here."""
        # One that was out of reach is asked for before anything is written: its client asks again each second.
        if seen.participant_id in self._services.interrupted:
            await self._depth(seen)
        seat = await self._services.attachments.take(seen, self.link.queue)
        if seat is None:
            return
        self.taken_over += seen.holder is not None
        try:
            gap = await self._gap(seat)
        except (Unavailable, Trouble):
            # It is attached and not held: if its client does not come again, this finds it and detaches it.
            self._services.interrupted.client_asked(seat, asyncio.get_running_loop().time())
            raise
        source = Source(self.link, seat.participant_id, partial(self._gap, seat))
        mailbox = Mailbox(source, self._services.tasks, HeldAttachment(self._services.attachments, seat), self._forget)
        if gap is not None:
            mailbox.receive(gap)
        self._held[seat.participant_id] = mailbox
        try:
            await self.link.consume(seat.participant_id, mailbox)
        except LinkLost:
            if gap is not None:  # the next link has to tell it
                self._services.interrupted.add(seat.participant_id)
            raise
        logger("mailboxes").debug("taken", participant=seat.participant_id, n=seat.n)

    async def _gap(self, seat: Attachment) -> Publication | None:
        """What to tell, where messages before the next may be missing. Raises as ``_depth`` does, and LinkLost."""
        depth = await self._depth(seat)
        if self.link.ended.is_set():
            raise LinkLost
        missing = depth >= NEARLY_FULL or seat.participant_id in self._services.interrupted
        self._services.interrupted.discard(seat.participant_id)
        return self._resync(seat.session_id) if missing else None

    async def _depth(self, seat: Attachment) -> int:
        """How many messages wait. Raises a Refusal: gone when the seat is, and unavailable when only the queue is.

        RabbitMQ answers for a queue whose node is down as for one that does not exist: the attachment tells whether
        the seat is gone. One that lives and has no queue gets it again, and hears that messages are missing.
        """
        try:
            depth = await self.link.depth(seat.participant_id)
            if depth is None:
                await self._require_attachment(seat.participant_id)
                self._services.interrupted.add(seat.participant_id)
                await self.link.restore(seat.session_id, seat.participant_id)
                logger("mailboxes").warning("a mailbox was missing and is made again", participant=seat.participant_id)
        except NodeDown as down:
            await self._require_attachment(seat.participant_id)
            await self._stay(seat)
            logger("mailboxes").info("a mailbox is out of reach", participant=seat.participant_id, why=str(down))
            raise mailbox_node_down() from None
        return depth or 0

    async def _stay(self, seat: Attachment) -> None:
        """Its client asks, and cannot be given anything: its seat stays attached for that."""
        self._services.interrupted.add(seat.participant_id)
        if seat.state == "detached":
            taken = await self._services.attachments.take(seat, self.link.queue)
        else:
            taken = seat if seat.holder == self.link.queue else None
        if taken is not None:
            self._services.interrupted.client_asked(taken, asyncio.get_running_loop().time())

    async def _require_attachment(self, participant_id: ParticipantId) -> None:
        found = await self._services.attachments.read(participant_id)
        if found is None or found.state == "ended":
            raise mailbox_gone(found.reason if found else None)

    def _resync(self, session_id: SessionId) -> Publication:
        """Says that messages may be missing: the mailbox was full, or out of reach. No publication, so never acked."""
        message = Message(id=new_id(), type="resync-required", session_id=session_id, at=self._services.now(), data={})
        return Publication(message.id, message.model_dump_json().encode())

    def _forget(self, mailbox: Mailbox) -> None:
        """The broker took it away: it was deleted, or its node is down. Said again when its seat has changed."""
        seat = mailbox.attachment.seat
        is_held = self._held.get(seat.participant_id) is mailbox
        if is_held or seat.participant_id in self._services.interrupted:
            self._services.interrupted.client_asked(seat, asyncio.get_running_loop().time())
        if is_held:
            del self._held[seat.participant_id]

    def release(self) -> None:
        """Answer every parked poll with what is there."""
        for mailbox in self._held.values():
            mailbox.release()

    def fail(self, why: Callable[[], Exception]) -> None:
        """End every parked poll."""
        for mailbox in self._held.values():
            mailbox.fail(why())

    def mark_uncertain(self) -> None:
        """The lease was over for a while: every mailbox has to be called attached again."""
        for mailbox in self._held.values():
            mailbox.attachment.mark_uncertain()

    def end(self) -> None:
        """The link is over: nothing is held, and whoever waits looks elsewhere."""
        for participant_id, mailbox in self._held.items():
            mailbox.end()
            if mailbox.has_gap:  # the next link has to tell it
                self._services.interrupted.add(participant_id)
        self._held.clear()
        for participant_id in list(self._takings):
            self._end_taking(participant_id, None)

    async def look_after(self, away: float, unread: float) -> None:
        """Detach the seats that nobody asks for, and end those whose messages nobody acknowledges.

        Raises Unavailable.
        """
        now = asyncio.get_running_loop().time()
        check = partial(self._look_after, now=now, away=away, unread=unread)
        await for_each(check, self.mailboxes(), limit=AT_ONCE)
        await detach_unasked(self._services.interrupted, self._services.attachments, now - away)

    async def compare(self, published: Published) -> None:
        """Make again the way to each mailbox that lacks what its session has published.

        Raises Unavailable and LinkLost.
        """
        mailboxes = self.mailboxes()
        versions = await published({mailbox.attachment.seat.session_id for mailbox in mailboxes})
        for mailbox in mailboxes:
            seat = mailbox.attachment.seat
            version = versions.get(seat.session_id)
            if version is None or not mailbox.lacks(version) or self.find(seat.participant_id) is not mailbox:
                continue
            logger("mailboxes").warning("a mailbox was not told what happened", participant=seat.participant_id)
            with suppress(Trouble, Unavailable):
                await self.link.restore(seat.session_id, seat.participant_id)
            mailbox.receive(self._resync(seat.session_id))

    async def _look_after(self, mailbox: Mailbox, now: float, away: float, unread: float) -> None:
        with suppress(LinkLost, Unavailable, Trouble):  # asked again at the next check
            await mailbox.flow.check(STOPPED_CHECKED_EVERY)
        oldest = mailbox.unread_since()
        if oldest is not None and now - oldest >= unread:
            await self._services.attachments.end_if_unchanged(mailbox.attachment.seat, "connection-lost")
        elif mailbox.attachment.is_away(away):
            await mailbox.attachment.give_up(away)
