"""Unread seats: of interrupted mailboxes that nobody asks for, detached so that their grace begins."""

from functools import partial

from api.mailboxes.interrupted import InterruptedMailboxes
from api.mailboxes.link_tasks import AT_ONCE
from callplane.concurrency import for_each
from callplane.store.attachments import Attachment, Attachments

LOOKED_AT = 1000
"""How many are asked about in one query."""


async def detach_unasked(interrupted: InterruptedMailboxes, attachments: Attachments, before: float) -> None:
    """Those whose client was here last before this loop time. Raises Unavailable and Trouble; what is left stays
    listed.

    Most of them were deleted with their seat and have ended: one query for many tells, and nothing is written.
    """
    unasked = interrupted.unasked(before)
    for start in range(0, len(unasked), LOOKED_AT):
        seats = unasked[start : start + LOOKED_AT]
        attached = await attachments.attached_among(seat.participant_id for seat in seats)
        for seat in seats:
            if seat.participant_id not in attached:
                interrupted.resolved(seat)
        still = [seat for seat in seats if seat.participant_id in attached]
        await for_each(partial(_detach, interrupted, attachments), still, limit=AT_ONCE)


async def _detach(interrupted: InterruptedMailboxes, attachments: Attachments, seat: Attachment) -> None:
    """One that has changed may still be this holder's: a write whose answer was lost. It is the next look's then."""
    if await attachments.detach(seat) is not None:
        interrupted.resolved(seat)
        return
    found = await attachments.read(seat.participant_id)
    is_same = found is not None and (found.holder, found.n, found.state) == (seat.holder, seat.n, "attached")
    interrupted.resolved(seat, found if is_same else None)
