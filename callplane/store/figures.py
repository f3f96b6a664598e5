"""Figures of a session: how many sat there at most, and for how long together, as it is closed with them.

Seats are counted by the updates that change them, which read nothing: a seat that is taken takes its time off the sum,
one that is given up puts its time on it, so that what is left is the time between. The most that sat there at once
follows from the events that wait to be told, and is written when those are taken out, by the update that does that.
"""

from datetime import datetime
from typing import Any

from callplane.contracts.message_data import SessionClosed
from callplane.store.documents import SessionDocument
from callplane.store.mongo.database import Document

_STEPS = {"participant-joined": 1, "participant-left": -1}


def seat_taken(now: datetime) -> Document:
    """An ``$inc``: somebody sits down."""
    return {"seats_counted": 1, "seat_ms": -milliseconds(now)}


def seat_left(now: datetime) -> Document:
    """An ``$inc``: somebody goes."""
    return {"seats_counted": -1, "seat_ms": milliseconds(now)}


def milliseconds(time: datetime) -> int:
    """Since 1970, as BSON has it."""
    return int(time.timestamp() * 1000)


def peak(session: SessionDocument) -> int:
    """How many sat there at most, with what waits to be told."""
    seated = _seated(session)
    most = max(seated, session.peak)
    for entry in reversed(session.outbox):
        seated -= _STEPS.get(entry.type, 0)
        most = max(most, seated)
    return most


def figures(session: SessionDocument) -> dict[str, Any]:
    """Of a closed session; nothing of an open one, whose figures change without a version."""
    if session.status != "closed" or session.closed_at is None:
        return {}
    return {
        "closed_at": session.closed_at,
        "peak_participants": peak(session),
        "participant_minutes": _minutes(session, session.closed_at),
    }


def in_json(told: dict[str, Any]) -> dict[str, Any]:
    """Figures as messages have them."""
    return SessionClosed.model_validate({"reason": "", **told}).model_dump(mode="json", exclude={"reason"})


def _minutes(session: SessionDocument, closed_at: datetime) -> float | None:
    """None: the version before took or gave up seats of it, and counted none."""
    seated = _seated(session)
    if session.seats_counted != seated:
        return None
    # A clock may be some milliseconds behind another one.
    return max(0.0, round((session.seat_ms + seated * milliseconds(closed_at)) / 60_000, 2))


def _seated(session: SessionDocument) -> int:
    return len(session.participants) if session.seat_count is None else session.seat_count
