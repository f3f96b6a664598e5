"""Join: take the seat, give it a mailbox, then read what the newcomer sees - in that order (design 5)."""

from callplane.contracts.commands import Envelope, Join, Joined
from callplane.contracts.errors import NodeDown, Refusal, Trouble
from callplane.contracts.ids import ParticipantId, SessionId, participant_made_by
from callplane.contracts.refusals.sessions import already_joined, join_undone, kicked, seat_gone, session_full
from callplane.store.documents import Seat, SessionDocument
from callplane.store.log.place import Place
from callplane.store.log.records import LogKey
from callplane.store.seats import Replacement
from callplane.store.views import joined_view
from wrapper.commands.registry import handles
from wrapper.context import Context
from wrapper.quotas import reserved
from wrapper.requirements import (
    require_in_time,
    require_open_session,
    require_open_with_seat,
    require_seat,
    room_in,
)


@handles(Join)
async def join(envelope: Envelope, command: Join, context: Context) -> Joined:
    """Sit down, or come back to the seat that the caller holds a token for."""
    participant = command.participant_id or participant_made_by(envelope.id)
    begin = await _begin(envelope.session_id, context)
    new = False
    if command.participant_id is None:
        new = await _take_within_quotas(envelope, command, participant, context)
    else:
        session = await require_open_with_seat(envelope.session_id, participant, context)
        await require_seat(session, participant, context)
        context.follow_ups.schedule(await context.store.seats.reconnected(envelope.session_id, participant))
    # The attachment first: it remembers how the seat ended, and is inserted only.
    attachment = await context.store.attachments.open(envelope.session_id, participant, begin)
    if begin is None:
        await _open_mailbox(envelope.session_id, participant, context)
    snapshot = await context.store.sessions.snapshot(envelope.session_id)
    document = None if snapshot is None else snapshot.document
    seat = None if document is None or document.status == "closed" else document.seat(participant)
    if snapshot is None or seat is None or attachment is None or attachment.state == "ended":
        await _withdraw(envelope.session_id, participant, context)
        raise await _gone(envelope.session_id, participant, context)
    # Who has just sat down for the first time has had no token to offer with.
    own = [] if new else await context.store.connections.offered_by(envelope.session_id, participant)
    return joined_view(snapshot, seat, own)


async def _take_within_quotas(
    envelope: Envelope, command: Join, participant_id: ParticipantId, context: Context
) -> bool:
    async def is_there() -> bool:
        session = await require_open_with_seat(envelope.session_id, participant_id, context)
        return session.seat(participant_id) is not None or envelope.id in session.applied

    async with reserved("seats", envelope, command.identity, context, is_there):
        return await _take_seat(envelope, command, participant_id, context)


async def _take_seat(envelope: Envelope, command: Join, participant_id: ParticipantId, context: Context) -> bool:
    """Whether it was taken now, and not by an earlier attempt."""
    seat = Seat(
        id=participant_id,
        name=command.display_name,
        role=command.role,
        metadata=command.metadata,
        identity=command.identity,
        grants=command.grants,
        named=command.grants,
    )
    if await _took(envelope, seat, context):
        return True
    session = await require_open_session(envelope.session_id, context)
    if session.seat(participant_id) is not None:
        await replace_duplicates(session, seat, context)
        return False
    # The session was full, of the one whose place this takes; a repeat whose seat has gone since takes nobody's.
    fresh = envelope.id not in session.applied
    if fresh and await replace_duplicates(session, seat, context) and await _took(envelope, seat, context):
        return True
    _explain(session, envelope, seat)
    require_in_time(envelope.deadline, context)
    await room_in(session.id, context)
    raise Trouble("the session changed while it was read")


async def _took(envelope: Envelope, seat: Seat, context: Context) -> bool:
    """Whether the seat was taken by this; others of its identity go then, where the session wants that."""
    change = await context.store.seats.take(envelope.session_id, seat, envelope.id, envelope.deadline)
    if change is None:
        return False
    context.follow_ups.schedule(change)
    if seat.identity is not None and change.document.settings.duplicates == "replace":
        session = await require_open_session(envelope.session_id, context)
        if session.seat(seat.id) is not None:  # else a younger one has taken its place already
            await replace_duplicates(session, seat, context)
    return True


async def replace_duplicates(session: SessionDocument, seat: Seat, context: Context) -> bool:
    """Take away the seats of an identity that are older than this one; whether there were any.

    The list of participants is in the order in which they have sat down. So of several that join at once each sees
    those before it, and the last stays; a repeat after a death goes on with what is left.
    """
    if seat.identity is None or session.settings.duplicates != "replace" or _is_kept_out(session, seat):
        return False
    ids = [one.id for one in session.participants]
    older = session.participants[: ids.index(seat.id)] if seat.id in ids else session.participants
    same = [one.id for one in older if one.identity == seat.identity]
    for one in same:
        why = Replacement(seat.identity)
        context.follow_ups.schedule(await context.store.seats.pull(session.id, one, "replaced", why=why))
    return bool(same)


def _is_kept_out(session: SessionDocument, seat: Seat) -> bool:
    banned = seat.identity is not None and any(ban.identity == seat.identity for ban in session.bans)
    return banned or seat.id in session.kicked


def _explain(session: SessionDocument, envelope: Envelope, seat: Seat) -> None:
    if _is_kept_out(session, seat):
        raise kicked()
    if envelope.id in session.applied:
        raise join_undone()
    identities = [one.identity for one in session.participants]
    if seat.identity in identities and seat.identity is not None and session.settings.duplicates == "refuse":
        raise already_joined()
    if len(session.participants) >= session.settings.max_participants:
        raise session_full(session.settings.max_participants)


async def _begin(session_id: SessionId, context: Context) -> Place | None:
    """Where a new seat begins to read its session's log; None: its messages come by a queue.

    Read before the seat is taken: what is appended from then on, the seat's own event first, is in no snapshot yet.
    """
    if await context.store.engines.of(session_id) != "log":
        return None
    head = await context.store.logs.head(LogKey(session_id, session_id))
    return Place(session=head.position)


async def _open_mailbox(session_id: SessionId, participant_id: ParticipantId, context: Context) -> None:
    """Declare it and bind it to what the session's creation has declared, which a broker may have lost since."""
    topology = context.topology
    try:
        await topology.open_mailbox(session_id, participant_id)
    except NodeDown:
        raise
    except Trouble:
        # Deleted it is not to come back: the snapshot says that it is over.
        if await context.store.sessions.epoch_of_open(session_id) is not None:
            await topology.open_session(session_id)
            await topology.open_mailbox(session_id, participant_id)


async def _withdraw(session_id: SessionId, participant_id: ParticipantId, context: Context) -> None:
    """The seat went, or its mailbox was ended, while it was made: nothing of it may stay."""
    context.follow_ups.schedule(await context.store.seats.pull(session_id, participant_id, "left"))
    if await context.store.engines.of(session_id) == "queues":
        await context.topology.delete_mailbox(participant_id)


async def _gone(session_id: SessionId, participant_id: ParticipantId, context: Context) -> Refusal:
    try:
        await require_seat(await require_open_session(session_id, context), participant_id, context)
    except Refusal as refusal:
        return refusal
    return seat_gone()
