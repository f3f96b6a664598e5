"""Given grants: what a change of somebody's role and grants comes to, and whether who asks for it may give that."""

from typing import Any

from callplane.contracts.commands import Envelope
from callplane.contracts.grants import beyond, changed, limited
from callplane.contracts.refusals.callers import moderators_only, more_than_own, more_than_the_token
from callplane.store.documents import Seat, SessionDocument
from wrapper.context import Context
from wrapper.requirements import require_seat

Changes = dict[str, Any]


async def giver(envelope: Envelope, session: SessionDocument, changes: Changes, context: Context) -> Seat | None:
    """The seat of the participant that gives or takes grants by this, if one does. Raises Refusal where it has gone."""
    if envelope.caller.participant_id is None or changes.keys().isdisjoint(("role", "grants")):
        return None
    return await require_seat(session, envelope.caller.participant_id, context)


def given(changes: Changes, seat: Seat, by: Seat | None) -> Changes:
    """The same, with a role that gives no more than the join of the seat has named. Raises Refusal.

    Keys and servers (``by`` is None) may give more, by name. A participant has to moderate, and whom it leaves
    moderating, itself too, has no more than itself then: so no chain of gifts comes to more than a key has given.
    """
    if by is None:
        return _within(changes, seat)
    if not by.may.moderate:
        raise moderators_only()
    grants = changes.get("grants", {})
    if more := beyond({**_told_by_role(changes), **grants}, seat.named):
        raise more_than_the_token(more)
    if not changed(seat.role, seat.grants, changes).moderate:
        return _within(changes, seat)
    within = _within(changes, seat, by)
    if more := beyond(changed(seat.role, seat.grants, within).model_dump(), by.may):
        raise more_than_own(more)
    return within


def _told_by_role(changes: Changes) -> Changes:
    """What the role alone promises to everybody who reads it: a moderator that may not moderate is none."""
    return {"moderate": True} if changes.get("role") == "moderator" else {}


def _within(changes: Changes, seat: Seat, by: Seat | None = None) -> Changes:
    """With a role that gives no more than was named of the seat, nor than this one has."""
    if "role" not in changes:
        return changes
    less = limited(changes["role"], seat.named, None if by is None else by.may)
    return {**changes, "grants": {**less, **changes.get("grants", {})}} if less else changes
