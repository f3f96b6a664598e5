"""Join: take the seat, give it a mailbox, then read what the newcomer sees - in that order (design 5)."""

from dataclasses import dataclass

from callplane.concurrency import for_each
from callplane.contracts.bounds import HIDDEN_SEATS
from callplane.contracts.commands import Envelope, Join, Joined, JoinHidden
from callplane.contracts.errors import NodeDown, Refusal, Trouble
from callplane.contracts.grants import HIDDEN
from callplane.contracts.ids import ParticipantId, SessionId, participant_made_by
from callplane.contracts.refusals.sessions import (
    already_joined,
    hidden_seats_taken,
    join_undone,
    kicked,
    seat_gone,
    session_full,
)
from callplane.contracts.shapes import GrantChanges
from callplane.store.attachments import Attachment
from callplane.store.documents import Seat, SessionDocument
from callplane.store.log.place import Place
from callplane.store.log.records import LogKey
from callplane.store.seats import Replacement
from callplane.store.views import joined_view
from wrapper.commands.registry import handles
from wrapper.context import Context
from wrapper.ended_seats import end_seat
from wrapper.quotas import reserved
from wrapper.requirements import (
    require_in_time,
    require_open_session,
    require_open_with_seat,
    require_seat,
    room_in,
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who has sat down, from which place of its session's log on it reads (None: by a queue), and whether just now."""

    participant_id: ParticipantId
    begin: Place | None
    new: bool


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
    return await _seated(envelope.session_id, Arrival(participant, begin, new), context)


@handles(JoinHidden)
async def join_hidden(envelope: Envelope, command: JoinHidden, context: Context) -> Joined:
    """Sit down where only keys and moderators look. It is in no quota of seats, for there are few of each session."""
    participant = participant_made_by(envelope.id)
    begin = await _begin(envelope.session_id, context)
    new = await _take_seat(envelope, command, participant, context)
    return await _seated(envelope.session_id, Arrival(participant, begin, new), context)


async def _seated(session_id: SessionId, arrival: Arrival, context: Context) -> Joined:
    """Give the seat its mailbox, and read what it sees. Raises Refusal where it has gone meanwhile."""
    participant = arrival.participant_id
    attachment = await _attachment(session_id, arrival, context)
    snapshot = await context.store.sessions.snapshot(session_id)
    document = None if snapshot is None else snapshot.document
    seat = None if document is None or document.status == "closed" else document.any_seat(participant)
    if snapshot is None or seat is None or attachment is None or attachment.state == "ended":
        await _withdraw(session_id, participant, context)
        raise await _gone(session_id, participant, context)
    # Who has just sat down for the first time has had no token to offer with.
    own = [] if arrival.new else await context.store.connections.offered_by(session_id, participant)
    return joined_view(snapshot, seat, own)


async def _take_within_quotas(
    envelope: Envelope, command: Join, participant_id: ParticipantId, context: Context
) -> bool:
    async def is_there() -> bool:
        session = await require_open_with_seat(envelope.session_id, participant_id, context)
        return session.seat(participant_id) is not None or envelope.id in session.applied

    async with reserved("seats", envelope, command.identity, context, is_there):
        return await _take_seat(envelope, command, participant_id, context)


def _seat(command: Join | JoinHidden, participant_id: ParticipantId) -> Seat:
    if isinstance(command, JoinHidden):
        grants: GrantChanges | None = HIDDEN.model_copy(update={"subscribe": command.subscribe})
    else:
        grants = command.grants
    return Seat(
        id=participant_id,
        name=command.display_name,
        role=command.role,
        metadata=command.metadata,
        identity=command.identity,
        grants=grants,
        named=grants,
    )


async def _take_seat(
    envelope: Envelope, command: Join | JoinHidden, participant_id: ParticipantId, context: Context
) -> bool:
    """Whether it was taken now, and not by an earlier attempt."""
    seat = _seat(command, participant_id)
    if await _took(envelope, seat, context):
        return True
    session = await require_open_session(envelope.session_id, context)
    if session.any_seat(seat.id) is not None:
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
    seats = context.store.hidden_seats if seat.may.hidden else context.store.seats
    change = await seats.take(envelope.session_id, seat, envelope.id, envelope.deadline)
    if change is None:
        return False
    context.follow_ups.schedule(change)
    if seat.identity is not None and change.document.settings.duplicates == "replace":
        session = await require_open_session(envelope.session_id, context)
        if session.any_seat(seat.id) is not None:  # else a younger one has taken its place already
            await replace_duplicates(session, seat, context)
    return True


async def replace_duplicates(session: SessionDocument, seat: Seat, context: Context) -> bool:
    """Take away the seats of an identity that are older than this one; whether there were any.

    The list of seats is in the order in which they have sat down. So of several that join at once each sees
    those before it, and the last stays; a repeat after a death goes on with what is left. A hidden seat replaces hidden
    ones alone: another's end would be told to everybody.
    """
    if seat.identity is None or session.settings.duplicates != "replace" or _is_kept_out(session, seat):
        return False
    fellows = session.fellows(seat)
    ids = [one.id for one in fellows]
    older = fellows[: ids.index(seat.id)] if seat.id in ids else fellows
    same = [one.id for one in older if one.identity == seat.identity]
    for one in same:
        await end_seat(session.id, one, "replaced", context, why=Replacement(seat.identity))
    return bool(same)


def _is_kept_out(session: SessionDocument, seat: Seat) -> bool:
    banned = seat.identity is not None and any(ban.identity == seat.identity for ban in session.bans)
    return banned or seat.id in session.kicked


def _explain(session: SessionDocument, envelope: Envelope, seat: Seat) -> None:
    if _is_kept_out(session, seat):
        raise kicked()
    if envelope.id in session.applied:
        raise join_undone()
    identities = [one.identity for one in session.fellows(seat)]
    if seat.identity in identities and seat.identity is not None and session.settings.duplicates == "refuse":
        raise already_joined()
    if seat.may.hidden:
        if len(session.hidden) >= HIDDEN_SEATS:
            raise hidden_seats_taken()
    elif len(session.participants) >= session.settings.max_participants:
        raise session_full(session.settings.max_participants)


async def _begin(session_id: SessionId, context: Context) -> Place | None:
    """Where a new seat begins to read its session's log; None: its messages come by a queue.

    Read before the seat is taken: what is appended from then on, the seat's own event first, is in no snapshot yet.
    """
    if await context.store.engines.of(session_id) != "log":
        return None
    head = await context.store.logs.head(LogKey(session_id, session_id))
    return Place(session=head.position)


async def _attachment(session_id: SessionId, arrival: Arrival, context: Context) -> Attachment | None:
    """What is inserted only, so that it remembers how the seat ended; beside it the mailbox is opened."""
    participant = arrival.participant_id
    opened: list[Attachment | None] = []

    async def attach() -> None:
        opened.append(await context.store.attachments.open(session_id, participant, arrival.begin))

    async def mailbox() -> None:
        await _open_mailbox(session_id, participant, context)

    await for_each(lambda one: one(), [attach] if arrival.begin is not None else [attach, mailbox])
    return opened[0]


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
    await end_seat(session_id, participant_id, "left", context)
    if await context.store.engines.of(session_id) == "queues":
        await context.topology.delete_mailbox(participant_id)


async def _gone(session_id: SessionId, participant_id: ParticipantId, context: Context) -> Refusal:
    try:
        await require_seat(await require_open_session(session_id, context), participant_id, context)
    except Refusal as refusal:
        return refusal
    return seat_gone()
