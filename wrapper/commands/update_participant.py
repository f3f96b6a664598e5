"""Update-participant: name, role, metadata and mute of one seat; a mute is enforced on the media server."""

from callplane.contracts.commands import Envelope, ParticipantChanged, UpdateParticipant
from callplane.contracts.errors import Trouble
from callplane.contracts.ids import ParticipantId
from callplane.contracts.refusals.sessions import stale_version
from callplane.store.documents import SessionDocument
from callplane.store.seats import SeatGuard
from callplane.store.views import participant_view
from wrapper.commands.registry import handles
from wrapper.context import Context
from wrapper.requirements import require_in_time, require_open_with_seat, require_seat, room_in


@handles(UpdateParticipant)
async def update_participant(envelope: Envelope, command: UpdateParticipant, context: Context) -> ParticipantChanged:
    """Change the seat once and in time: a late mute must not overtake a newer one (design 5)."""
    session = await require_open_with_seat(envelope.session_id, command.participant_id, context)
    before = participant_view(session, await require_seat(session, command.participant_id, context))
    guard = SeatGuard(envelope.id, envelope.deadline, command.if_match)
    change = await context.store.seats.update(session.id, before, command.changes, guard)
    if change is not None:
        context.follow_ups.schedule(change)
        return _changed(change.document, command.participant_id)
    session = await require_open_with_seat(envelope.session_id, command.participant_id, context)
    await require_seat(session, command.participant_id, context)
    if envelope.id not in session.applied:
        if command.if_match not in (None, session.version):
            raise stale_version(session.version)
        require_in_time(envelope.deadline, context)
        await room_in(session.id, context)
        raise Trouble("the session changed while it was read")
    return _changed(session, command.participant_id)


def _changed(session: SessionDocument, participant_id: ParticipantId) -> ParticipantChanged:
    seat = session.seat(participant_id)
    if seat is None:
        raise Trouble("the seat went while it was read")
    return ParticipantChanged(participant=participant_view(session, seat), version=session.version)
