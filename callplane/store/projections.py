"""Projections: what is read of a session's document where not everybody who sits in it is asked for.

A session of a thousand seats is a quarter of a megabyte, of which a change concerns one.
"""

from collections.abc import Iterable
from typing import Any

from callplane.contracts.ids import ParticipantId
from callplane.store.documents import SessionDocument
from callplane.store.mongo.database import Document

_GROWING = frozenset({"participants", "hidden", "streams", "state", "applied", "kicked", "bans", "replaced"})
"""Lists with an entry for each seat, key of the shared state, command or kick."""


def listed(field: str) -> Document:
    """An expression: the list, or an empty one where there is something else."""
    return {"$cond": [{"$isArray": f"${field}"}, f"${field}", []]}


def _chosen(field: str, which: Any) -> Document:
    """An expression: of the list those that match; something else stays, so that who reads it finds it unreadable."""
    filtered = {"$filter": {"input": f"${field}", "as": "one", "cond": which}}
    return {"$cond": [{"$isArray": f"${field}"}, filtered, f"${field}"]}


def _seats(ids: Any) -> Document:
    """A projection: the seats with these ids (an expression) and their streams, and everything that does not grow."""
    return {
        **{name: 1 for name in SessionDocument.model_fields if name not in {"id", "seat_count", *_GROWING}},
        "participants": _chosen("participants", {"$in": ["$$one.id", ids]}),
        "streams": _chosen("streams", {"$in": ["$$one.participant_id", ids]}),
        "seat_count": {"$size": listed("participants")},
    }


CONCERNED: Document = _seats({"$ifNull": ["$outbox.data.participant.id", []]})
"""What has changed and is to be told: the seats that joined or were changed by what stands in the outbox."""


def some_seats(participants: Iterable[ParticipantId]) -> Document:
    """A projection: these seats, hidden or not, with their streams, and which of them were kicked."""
    ids = {"$literal": list(participants)}
    return {
        **_seats(ids),
        "hidden": _chosen("hidden", {"$in": ["$$one.id", ids]}),
        "kicked": _chosen("kicked", {"$in": ["$$one", ids]}),
    }


def one_seat(participant_id: ParticipantId, *others: ParticipantId) -> Document:
    """A projection: one seat and these others, whether they were kicked, and which commands were applied."""
    return {**some_seats([participant_id, *others]), "applied": 1}


ROSTER: Document = dict.fromkeys(("tenant", "engine", "keyed_records", "status", "reason", "kicked"), 1) | {
    f"{seats}.{field}": 1
    for seats in ("participants", "hidden")
    for field in ("id", "role", "grants", "identity", "last_active_at")
}
"""Who sits there, as what."""

STATE: Document = {name: 1 for name in SessionDocument.model_fields if name not in {"id", "seat_count", *_GROWING}} | {
    "state": 1,
    "applied": 1,
}
"""The shared state, and which commands were applied."""
