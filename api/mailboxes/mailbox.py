"""Mailbox that this pod holds: what its client has not acknowledged, and the one poll that may be parked at it."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import NoReturn

from api.mailboxes.attachment import HeldAttachment
from api.mailboxes.flow_control import FlowControl, Source
from api.mailboxes.link_tasks import Tasks
from api.mailboxes.lost_bindings import CheckedBindings
from api.mailboxes.poll import NotHeld, Poll
from api.mailboxes.unacked import Batch, UnackedWindow
from callplane.bus.mailbox_ports import Publication
from callplane.contracts.refusals.mailboxes import poll_replaced
from callplane.telemetry.logs import logger

SKEW = timedelta(milliseconds=5)
"""How far apart two pods mostly see the same database time; by less than that, the later to come is the newer."""


def _no_json(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_no_json)


def is_message(body: bytes) -> bool:
    """Whether a publication is a JSON object with what every message has."""
    try:
        message = _DECODER.decode(body.decode())
    except (ValueError, RecursionError):
        return False
    return isinstance(message, dict) and all(isinstance(message.get(name), str) for name in ("id", "type"))


class _Parked:
    """A poll that waits for the next message."""

    def __init__(self, poll: Poll) -> None:
        self.poll = poll
        self.due = False
        """Whether its answer is called for already, at the end of this turn of the loop."""
        self.answer: asyncio.Future[Batch] = asyncio.get_running_loop().create_future()

    def give(self, batch: Batch) -> None:
        """Answer it; an answered one stays answered."""
        if not self.answer.done():
            self.answer.set_result(batch)

    def fail(self, why: Exception) -> None:
        """End it with a refusal, or with the order to look elsewhere."""
        if not self.answer.done():
            self.answer.set_exception(why)


class Mailbox:
    """Reads one mailbox on one link, and answers the polls for it on whichever pod they came in."""

    def __init__(
        self, source: Source, tasks: Tasks, attachment: HeldAttachment, lost: Callable[["Mailbox"], None]
    ) -> None:
        self.attachment = attachment
        self._link = source.link
        self._tasks = tasks
        self._lost = lost
        self.unacked = UnackedWindow()
        self.flow = FlowControl(source, tasks, self.unacked, self)
        self._parked: _Parked | None = None
        """The poll that waits here; a newer one takes its place."""
        self._told = CheckedBindings()
        """What has come, against what the session has published."""
        self._gone = False
        """Whether it is not held any more: set once, and nothing is parked after that."""

    def receive(self, received: Publication) -> None:
        """The next publication: a parked poll gets it together with what comes in the same turn of the loop.

        What is no message is passed over: in the answer to a poll it would make all of it unreadable, for ever.
        """
        if not is_message(received.body):
            self._tasks.unreadable += 1
            logger("mailboxes").error("unreadable message", participant_id=self.attachment.seat.participant_id)
            self.flow.acknowledge([received])
            return
        if not self.flow.takes(received):
            return
        loop = asyncio.get_running_loop()
        if self._parked is not None and not self._parked.due:
            self._parked.due = True
            loop.call_soon(self._answer_with_some, self._parked)
        self._told.receive(received.body)
        self.flow.acknowledge(self.unacked.add(received, loop.time()))

    @property
    def parked(self) -> Poll | None:
        """The poll that waits here."""
        return None if self._parked is None else self._parked.poll

    @property
    def has_gap(self) -> bool:
        """Whether its client has not said yet that it knows of a gap."""
        return self.unacked.has_gap

    def lacks(self, published: int) -> bool:
        """Whether it was not told of what its session had published a look ago."""
        return self._told.lacks(published, waiting=len(self.unacked) > 0)

    def cancelled(self) -> None:
        """The broker took the mailbox away: whoever asks looks again and finds out why."""
        self.flow.close()
        self._lost(self)
        self.end()

    def end(self) -> None:
        """It is not held any more: whoever waits, or is about to, looks elsewhere."""
        self._gone = True
        self.fail(NotHeld())

    async def poll(self, poll: Poll, parked: Callable[[], None] = lambda: None) -> Batch:
        """Acknowledge, then answer with what is there, or wait for it; ``parked`` is called before waiting.

        Cancelling says that the client has left. Raises NotHeld when the mailbox went, or a Refusal.
        """
        # Asked again when it is done: between its end and this line the seat may have been called away once more, and a
        # poll that is parked then would wait in a seat whose grace runs out.
        while not self.attachment.is_certain():
            await self._confirm()
        # Meanwhile it may have been lost, and nobody would ever answer a poll that is parked after that.
        if self._gone or self._link.ended.is_set():
            raise NotHeld
        if poll.ack is not None:
            self.flow.acknowledge(self.unacked.acknowledge(poll.ack))
        self._supersede(poll)
        ready = self.unacked.head(poll.most, poll.after)
        if ready:
            self.attachment.poll_left(still_here=True)
            return Batch(ready)
        return await self._park(poll, parked)

    async def _confirm(self) -> None:
        try:
            await self._tasks.shielded(self.attachment.confirm)
        except NotHeld:
            if not self._gone:  # else another may well have it by now
                # Two hold it, which no step of ours allows: give everything back rather than read beside another.
                self._link.end("another holds a mailbox that is read here")
            raise
        if self._gone:
            self._lost(self)  # its seat is another than when that was said first

    async def _park(self, poll: Poll, parked: Callable[[], None]) -> Batch:
        mine = self._parked = _Parked(poll)
        self.attachment.poll_parked()
        parked()
        here = True
        try:
            async with asyncio.timeout_at(poll.until):
                return await mine.answer
        except TimeoutError:
            return Batch()
        except asyncio.CancelledError:
            here = False
            raise
        finally:
            mine.answer.cancel()
            if self._parked is mine:
                self._parked = None
                self.attachment.poll_left(still_here=here)

    def _supersede(self, poll: Poll) -> None:
        """Let the newer of two polls stay: one that a pod had kept while it was paused is not the newer."""
        other = self._parked
        if other is None or other.answer.done():
            return
        if other.poll.asked_at - poll.asked_at > SKEW:
            raise poll_replaced()
        other.fail(poll_replaced())
        self._parked = None

    def _answer_with_some(self, parked: _Parked) -> None:
        """What came may have been acknowledged by its coming: then there is nothing to say yet."""
        parked.due = False
        some = self.unacked.head(parked.poll.most, parked.poll.after)
        if some:
            parked.give(Batch(some))

    def _answer(self) -> None:
        if self._parked is not None:
            self._parked.give(Batch(self.unacked.head(self._parked.poll.most, self._parked.poll.after)))

    def release(self, poll: Poll | None = None) -> bool:
        """Answer a parked poll (this one) with what is there, even nothing; False when it is not parked here."""
        if self._parked is None or (poll is not None and self._parked.poll is not poll):
            return False
        self._answer()
        return True

    def fail(self, why: Exception) -> None:
        """End a parked poll."""
        if self._parked is not None:
            self._parked.fail(why)

    def unread_since(self) -> float | None:
        """Since when, in loop time, its oldest message waits for an acknowledgement."""
        return self.unacked.oldest()
