"""Ended seats: taken away wherever they stand, among those that everybody sees or the hidden ones."""

from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.reasons import GivenReason, SeatReason
from callplane.store.documents import SessionDocument
from callplane.store.seats import Kick, Replacement
from callplane.store.versioned_updates import Change
from wrapper.context import Context


async def end_seat(
    session_id: SessionId,
    participant_id: ParticipantId,
    reason: SeatReason | GivenReason,
    context: Context,
    *,
    why: Kick | Replacement | None = None,
) -> Change[SessionDocument] | None:
    """Take it away and schedule what follows; None: it was gone already. Hidden ones are looked for last: they are few,
    and a seat never changes its place.
    """
    store = context.store
    change = await store.seats.pull(session_id, participant_id, reason, why=why)
    if change is None:
        change = await store.hidden_seats.pull(session_id, participant_id, reason, why=why)
    context.follow_ups.schedule(change)
    return change
