"""Filters and fragments that several repositories share."""

from datetime import datetime
from typing import Any

APPLIED_KEPT = 256


def in_time(deadline: datetime) -> dict[str, Any]:
    """An expression: the database's own clock has not passed the command's deadline (design 5)."""
    return {"$lt": ["$$NOW", deadline]}


def remember(command: str) -> dict[str, Any]:
    """A ``$push`` that keeps the last command ids, by which a repeat knows itself."""
    return {"applied": {"$each": [command], "$slice": -APPLIED_KEPT}}


def older_than(field: str, seconds: float | str) -> dict[str, Any]:
    """A filter: the date in ``field`` lies more than ``seconds`` (a number, or a path like ``$settings.grace``) back.

    A missing field compares as smaller than any date, hence the type check beside it (measured, design 5).
    """
    amount = {"$multiply": [seconds, 1000]}
    past = {"$dateSubtract": {"startDate": "$$NOW", "unit": "millisecond", "amount": {"$toLong": amount}}}
    return {field: {"$type": "date"}, "$expr": {"$lt": [f"${field}", past]}}
