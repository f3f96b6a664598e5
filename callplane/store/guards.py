"""Filters and fragments that several repositories share."""

from datetime import datetime
from typing import Any

from callplane.contracts.bounds import SESSION_BYTES

APPLIED_KEPT = 256


def in_time(deadline: datetime) -> dict[str, Any]:
    """An expression: the database's own clock has not passed the command's deadline (design 5)."""
    return {"$lt": ["$$NOW", deadline]}


def has_room() -> dict[str, Any]:
    """An expression: the document may still grow by what callers send."""
    return {"$lt": [{"$bsonSize": "$$ROOT"}, SESSION_BYTES]}


def remember(command: str) -> dict[str, Any]:
    """A ``$push`` that keeps the last command ids, by which a repeat knows itself."""
    return {"applied": {"$each": [command], "$slice": -APPLIED_KEPT}}


def remembered(command: str) -> dict[str, Any]:
    """The same, as an expression of an update that is a pipeline."""
    return {"$slice": [{"$concatArrays": [{"$ifNull": ["$applied", []]}, [{"$literal": command}]]}, -APPLIED_KEPT]}


def older_than(field: str, seconds: float | str) -> dict[str, Any]:
    """A filter: the date in ``field`` lies more than ``seconds`` (a number, or a path like ``$settings.grace``) back.

    A missing field compares as smaller than any date, hence the type check beside it (measured, design 5).
    """
    amount = {"$multiply": [seconds, 1000]}
    past = {"$dateSubtract": {"startDate": "$$NOW", "unit": "millisecond", "amount": {"$toLong": amount}}}
    return {field: {"$type": "date"}, "$expr": {"$lt": [f"${field}", past]}}


def past_grace(limit: int) -> list[dict[str, Any]]:
    """Stages of an aggregation: of what has ``session_id`` and ``since``, that whose open session's grace is over.

    In the database, for its callers ask each second: after a media server or a pod went, for thousands at once.
    """
    grace = {"$multiply": ["$session.settings.grace", 1000]}
    end = {"$dateAdd": {"startDate": "$since", "unit": "millisecond", "amount": {"$toLong": grace}}}
    open_one = [{"$match": {"status": "open"}}, {"$project": {"settings.grace": 1}}]
    lookup = {
        "from": "sessions",
        "localField": "session_id",
        "foreignField": "_id",
        "pipeline": open_one,
        "as": "session",
    }
    return [
        {"$match": {"since": {"$type": "date"}}},  # a missing one would be older than any date
        {"$lookup": lookup},
        {"$unwind": "$session"},
        {"$match": {"$expr": {"$lt": [end, "$$NOW"]}}},
        {"$sort": {"since": 1}},
        {"$limit": limit},
        {"$unset": "session"},
    ]
