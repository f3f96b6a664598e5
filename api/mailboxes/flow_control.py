"""Flow control: how much of a mailbox is here at a time, read grant by grant, and only while there is room for it.

A publisher can fill a mailbox faster than its client reads. What does not fit stays at the broker, which drops the
oldest of a full mailbox and tells nobody: so before each grant the broker is asked whether that may have happened.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from api.mailboxes.link_tasks import Tasks
from api.mailboxes.unacked import WINDOW, WINDOW_BYTES, UnackedWindow
from callplane.bus.mailbox_ports import PREFETCH, LinkLost, MailboxLink, Publication, Reader
from callplane.contracts.errors import Refusal, Trouble, Unavailable
from callplane.contracts.ids import ParticipantId

LEAST = 8
"""The smallest grant: one message at a time would be slow, and one may be long."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the messages come from; ``gap`` is what to tell where some before the next may have been dropped.

    It raises a Refusal where the mailbox is gone or out of reach.
    """

    link: MailboxLink
    participant_id: ParticipantId
    gap: Callable[[], Awaitable[Publication | None]]


class FlowControl:
    """Lets the messages of one mailbox come, on one link."""

    def __init__(self, source: Source, tasks: Tasks, unacked: UnackedWindow, reader: Reader) -> None:
        self._source = source
        self._tasks = tasks
        self._unacked = unacked
        self._reader = reader
        self._surplus: list[Publication] = []
        """What came and did not fit: to be given back, without its body."""
        self._granted = PREFETCH
        """How many publications may come before it is stopped."""
        self._came = 0
        """How many have come of this grant, and how many bytes they had."""
        self._came_bytes = 0
        self._flows = True
        """Whether the broker is told to send."""
        self._stopping = False
        """Whether it is time to tell it to stop, and that is not done."""
        self._read: list[Publication] = []
        """What was acknowledged meanwhile: the broker hears of it once it has stopped."""
        self._turning = False
        """Whether a task is at stopping or going on: there is one at a time."""
        self._closed = False
        """Whether the mailbox is read here no more: nothing is begun after that."""
        self._asked_at = 0.0
        """When, in loop time, the broker was asked for it last while it did not flow."""

    def takes(self, received: Publication) -> bool:
        """Whether there is room for this one; it is given back where there is none, and so is all that follows it."""
        self._came += 1
        self._came_bytes += len(received.body)
        if received.tag is None:  # no publication: nobody could give it again
            return True
        if self._flows and not self._surplus and not self._unacked.is_full:
            return True
        self._surplus.append(Publication(received.token, b"", received.tag))
        self.look()
        return False

    def acknowledge(self, received: list[Publication]) -> None:
        """Say that these need not be given again, at once or, when it is about to be stopped, after that.

        For each the broker gives another one, and those would come before it is asked whether any are missing.
        """
        if self._stopping:
            self._read += received
        else:
            self._source.link.acknowledge(received)
        self.look()

    def look(self) -> None:
        """Stop it or let it go on, if it is time for that."""
        if self._flows and (self._surplus or self._unacked.is_full or self._came >= self._granted):
            self._stopping = True
        if not self._turning and self._is_due():
            self._turning = True
            self._tasks.start(self._turn)

    def _is_due(self) -> bool:
        return not self._closed and (self._stopping or (not self._flows and self._unacked.has_room))

    async def _turn(self) -> None:
        try:
            while self._is_due():
                await (self._stop() if self._stopping else self._go_on())
        except Refusal:
            await self._give_up()
        except LinkLost:
            pass  # and everything that it brought with it
        except (Unavailable, Trouble):
            pass  # asked again by ``check``
        finally:
            self._turning = False

    async def _stop(self) -> None:
        link = self._source.link
        await link.leave(self._reader)
        self._flows = self._stopping = False
        read, self._read = self._read, []
        link.acknowledge(read)
        surplus, self._surplus = self._surplus, []
        await link.give_back(surplus)

    async def _go_on(self) -> None:
        gap = await self._source.gap()
        if self._closed:
            return
        self._granted = self._next_grant()
        self._came = self._came_bytes = 0
        self._flows = True
        if gap is not None and not self._unacked.ends_with_gap:
            self._reader.receive(gap)  # in its place: behind what has come, before what comes next
        await self._source.link.consume(self._source.participant_id, self._reader, self._granted)

    def _next_grant(self) -> int:
        """As many as fit if they are as long as those of the last grant."""
        average = max(1, self._came_bytes // max(1, self._came))
        fit = (WINDOW_BYTES - self._unacked.size) // average
        return max(LEAST, min(fit, WINDOW - len(self._unacked)))

    async def _give_up(self) -> None:
        """Whoever asks next attaches anew, and finds out: nothing may be left with a link that reads no more of it."""
        with suppress(LinkLost):
            await self._source.link.give_back([*self._unacked.all(), *self._surplus])
        self._reader.cancelled()

    def close(self) -> None:
        """The mailbox is not read here any more."""
        self._closed = True

    async def check(self, every: float) -> None:
        """While nothing is read nobody says that the mailbox was deleted: ask for it. Raises LinkLost."""
        now = asyncio.get_running_loop().time()
        if self._flows or self._closed or self._turning or now - self._asked_at < every:
            return
        self._asked_at = now
        self._turning = True
        try:
            gap = await self._source.gap()
            if gap is not None and not self._unacked.ends_with_gap:
                self._unacked.add(gap, now)
        except Refusal:
            await self._give_up()
        finally:
            self._turning = False
        self.look()
