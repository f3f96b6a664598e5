"""Update-participant: name, role, grants, metadata and mute of one seat; a mute is enforced on the media server."""

from typing import Any

from callplane.contracts.commands import Envelope, GrantModeration, ParticipantChanged, UpdateParticipant
from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.ids import ParticipantId
from callplane.contracts.messages import Message
from callplane.contracts.refusals.sessions import hidden_seat_stays, stale_version
from callplane.contracts.shapes import MediaKind, ParticipantView
from callplane.store.documents import Seat, SessionDocument
from callplane.store.seats import SeatGuard
from callplane.store.views import participant_view
from wrapper.commands.registry import handles
from wrapper.context import Context
from wrapper.given_grants import given, giver
from wrapper.media.sdp import MEDIA_KINDS
from wrapper.requirements import require_in_time, require_open_with_seat, require_seat, room_in

READINGS = 4
"""Of the seats by whose grants it is judged, while others change these."""

SeatChange = UpdateParticipant | GrantModeration


@handles(UpdateParticipant)
async def update_participant(envelope: Envelope, command: UpdateParticipant, context: Context) -> ParticipantChanged:
    """Change the seat once and in time: a late mute must not overtake a newer one (design 5)."""
    return await _change(envelope, command, context)


@handles(GrantModeration)
async def grant_moderation(envelope: Envelope, command: GrantModeration, context: Context) -> ParticipantChanged:
    """The same, by which a participant lets another moderate."""
    return await _change(envelope, command, context)


async def _change(envelope: Envelope, command: SeatChange, context: Context) -> ParticipantChanged:
    """What may be given is judged by grants as they are read; where the update finds others, they are read again."""
    for _ in range(READINGS):
        session, seat = await _seat(envelope, command, context)
        if envelope.id in session.applied:
            return _changed(session, seat.id)
        by = await giver(envelope, session, command.changes, context)
        changes = given(command.changes, seat, by)
        judged = () if by is None else (by, seat)
        guard = SeatGuard(envelope.id, envelope.deadline, command.if_match, judged)
        before = participant_view(session, seat)
        if envelope.caller.participant_id != before.id:
            changes, asked = _without_unmuting(changes)
            wanted = [medium for medium in asked if getattr(before.muted, medium)]
            await _ask_to_unmute(envelope, wanted, before, context)
            if not changes:
                return _changed(session, before.id)
        change = await context.store.seats.update(session.id, before, changes, guard)
        if change is not None:
            context.follow_ups.schedule(change)
            return _changed(change.document, command.participant_id)
        if not judged or command.if_match is not None:  # a version that grants have not outlived
            break
    return await _explain(envelope, command, context)


async def _seat(envelope: Envelope, command: SeatChange, context: Context) -> tuple[SessionDocument, Seat]:
    """The session with the seat, and with that of who asks. Raises Refusal."""
    asking = [] if envelope.caller.participant_id is None else [envelope.caller.participant_id]
    session = await require_open_with_seat(envelope.session_id, command.participant_id, context, *asking)
    seat = await require_seat(session, command.participant_id, context)
    if seat.may.hidden:
        raise hidden_seat_stays()
    return session, seat


async def _explain(envelope: Envelope, command: SeatChange, context: Context) -> ParticipantChanged:
    """Why nothing was changed: it was before, or it is refused. Raises Refusal or Trouble."""
    session, seat = await _seat(envelope, command, context)
    if envelope.id not in session.applied:
        if command.if_match not in (None, session.version):
            raise stale_version(session.version)
        require_in_time(envelope.deadline, context)
        await room_in(session.id, context)
        raise Trouble("the session changed while it was read")
    return _changed(session, seat.id)


def _without_unmuting(changes: dict[str, Any]) -> tuple[dict[str, Any], list[MediaKind]]:
    """What others change of a seat, and the media that they would have it unmute: who is heard decides that alone."""
    muted = changes.get("muted", {})
    asked = [medium for medium in MEDIA_KINDS if muted.get(medium) is False]
    kept = {medium: on for medium, on in muted.items() if on}
    rest = {name: value for name, value in changes.items() if name != "muted"}
    return ({**rest, "muted": kept} if kept else rest), asked


async def _ask_to_unmute(envelope: Envelope, media: list[MediaKind], seat: ParticipantView, context: Context) -> None:
    """Put ``unmute-requested`` into the seat's mailbox; a repeat of the command has the same id. Raises Trouble."""
    if not media:
        return
    data = {"media": media, "from": envelope.caller.participant_id}
    message = Message(
        id=envelope.id,
        type="unmute-requested",
        session_id=envelope.session_id,
        at=context.store.clock.now(),
        data=data,
    )
    try:
        await context.messenger.to_participant(seat.id, message)
    except Unavailable as away:
        raise Trouble(f"an unmute could not be asked for: {away}") from away


def _changed(session: SessionDocument, participant_id: ParticipantId) -> ParticipantChanged:
    seat = session.seat(participant_id)
    if seat is None:
        raise Trouble("the seat went while it was read")
    return ParticipantChanged(participant=participant_view(session, seat), version=session.version)
