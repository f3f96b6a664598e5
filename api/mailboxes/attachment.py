"""Held attachment: calls the seat of a held mailbox attached and detached, one write after the other."""

import asyncio

from api.mailboxes.poll import NotHeld
from callplane.contracts.refusals.mailboxes import attachment_changing, mailbox_gone
from callplane.store.attachments import Attachment, Attachments

_TRIES = 3


class HeldAttachment:
    """Writes down that the client of one mailbox went, and that it came back, one after the other."""

    def __init__(self, attachments: Attachments, seat: Attachment) -> None:
        self.seat = seat
        """The attachment as it was written or read last."""
        self._attachments = attachments
        self._certain = True
        """Whether nobody can have called it detached since."""
        self._writing = asyncio.Lock()
        self._left_at: float | None = asyncio.get_running_loop().time()
        """Since when, in loop time, no poll is parked; None while one is."""
        self._client_left = False
        """Whether the last poll ended because its client had closed the connection."""

    def poll_parked(self) -> None:
        """A poll is parked."""
        self._left_at = None
        self._client_left = False

    def poll_left(self, *, still_here: bool) -> None:
        """No poll is parked any more; the client is about to ask again, or has left."""
        self._left_at = asyncio.get_running_loop().time()
        self._client_left = not still_here

    def mark_uncertain(self) -> None:
        """A sweep may have called it detached, as this pod's lease was over."""
        self._certain = False

    @property
    def has_poll(self) -> bool:
        """Whether a poll is parked."""
        return self._left_at is None

    def is_away(self, after: float) -> bool:
        """Whether it should be called detached: its client has left, or nobody has asked for so many seconds."""
        if self._left_at is None or not self._certain:
            return False
        return self._client_left or asyncio.get_running_loop().time() - self._left_at >= after

    def is_certain(self) -> bool:
        """Whether it is known to be called attached."""
        return self._certain and not self._writing.locked()

    async def confirm(self) -> None:
        """Call it attached unless it is known to be. Raises Refusal (ended), NotHeld (another has it), Unavailable."""
        async with self._writing:
            for _ in range(_TRIES):
                if self._certain:
                    return
                await self._reattach()
        raise attachment_changing()

    async def _reattach(self) -> None:
        written = await self._attachments.reattach(self.seat)
        if written is not None:
            self.seat = written
            self._certain = True
            return
        found = await self._attachments.read(self.seat.participant_id)
        if found is None or found.state == "ended":
            raise mailbox_gone(found.reason if found else None)
        if (found.holder, found.n) != (self.seat.holder, self.seat.n):
            raise NotHeld
        self.seat = found

    async def give_up(self, after: float) -> None:
        """Call it detached if it is still away; whatever becomes of the write, the next poll writes again. Raises
        Unavailable.

        A sweep that was first is no harm: the guard names ``since``, so a late write of ours changes nothing.
        """
        async with self._writing:
            if self.is_away(after):
                self._certain = False
                self.seat = await self._attachments.detach(self.seat) or self.seat
