"""Filters: parts of queries and updates that several repositories share."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bson.binary import Binary

from callplane.contracts.bounds import SESSION_BYTES
from callplane.contracts.grants import PRESETS
from callplane.contracts.ids import CommandId, ParticipantId
from callplane.contracts.shapes import GrantChanges, Role, Source

APPLIED_KEPT = 256
MOST_SECONDS = 1_000_000_000
FIRST_PAUSE, LONGEST_PAUSE = 1_000, 30_000
"""Milliseconds that what could not be done is put off."""


def in_time(deadline: datetime) -> dict[str, Any]:
    """An expression: the database's own clock has not passed the command's deadline (design 5)."""
    return {"$lt": ["$$NOW", deadline]}


def has_room() -> dict[str, Any]:
    """An expression: the document may still grow by what callers send."""
    return {"$lt": [{"$bsonSize": "$$ROOT"}, SESSION_BYTES]}


def remember(command_id: CommandId) -> dict[str, Any]:
    """A ``$push`` that keeps the last command ids, by which a repeat knows itself."""
    return {"applied": {"$each": [command_id], "$slice": -APPLIED_KEPT}}


def remembered(command_id: CommandId) -> dict[str, Any]:
    """The same, as an expression of an update that is a pipeline."""
    return {"$slice": [{"$concatArrays": [{"$ifNull": ["$applied", []]}, [{"$literal": command_id}]]}, -APPLIED_KEPT]}


def older_than(field: str, seconds: float | str) -> dict[str, Any]:
    """A filter: the date in ``field`` lies more than ``seconds`` (a number, or a path like ``$settings.grace``) back.

    A missing field compares as smaller than any date, hence the type check beside it (measured, design 5).
    """
    return {field: {"$type": "date"}, "$expr": {"$lt": [f"${field}", _ago(seconds)]}}


def younger_than(field: str, seconds: float | str) -> dict[str, Any]:
    """The same, of a date that does not lie further back than that."""
    return {field: {"$type": "date"}, "$expr": {"$gte": [f"${field}", _ago(seconds)]}}


def is_due(field: str = "due") -> dict[str, Any]:
    """A filter: the date in ``field`` is over, or nobody has reckoned one yet (missing is smaller than any date)."""
    return {"$expr": {"$lt": [f"${field}", "$$NOW"]}}


def after(date: str, seconds: Any) -> dict[str, Any]:
    """An expression: so many seconds (an expression) after a date; an hour from now where either is no such thing.

    It stands in updates of many documents, of which one that is not as it should be must not stop the others.
    """
    bounded = {"$multiply": [{"$max": [{"$min": [seconds, MOST_SECONDS]}, 0]}, 1000]}
    amount = {"$convert": {"input": bounded, "to": "long", "onError": 3_600_000}}
    sound = {"$and": [{"$isNumber": seconds}, {"$eq": [{"$type": date}, "date"]}]}
    return {"$cond": [sound, _add(date, amount), _add("$$NOW", 3_600_000)]}


def put_off(since: Any) -> dict[str, Any]:
    """An expression: as long from now as it is since that date, so that waits double: from 1 s to 30 s."""
    waited = {"$cond": [{"$eq": [{"$type": since}, "date"]}, {"$subtract": ["$$NOW", since]}, 0]}
    return _add("$$NOW", {"$min": [LONGEST_PAUSE, {"$max": [FIRST_PAUSE, waited]}]})


def may_publish(sources: list[Source]) -> dict[str, Any]:
    """A filter of a seat: it has all these grants, by what was said of it or by its role."""
    named = {"grants.publish": {"$all": sources}}
    roles = [role for role, preset in PRESETS.items() if not {*sources} <= {*preset.publish}]
    return {"$or": [named, {"grants.publish": {"$exists": False}, "role": {"$nin": roles}}]}


def may_the_same(participant_id: ParticipantId, role: Role, grants: GrantChanges | None) -> dict[str, Any]:
    """A filter of a seat: it is this one, and what it may do is said of it in these words."""
    said = {f"grants.{name}": getattr(grants, name, None) for name in GrantChanges.model_fields}
    return {"id": participant_id, "role": role, **said}


def placed_on(server: str) -> dict[str, Any]:
    """A filter: open sessions that have their pipeline there; counting them reads the index alone."""
    return {"status": "open", "server": server, "media": {"$gt": Binary(b"", 0)}}


def lost_from(servers: Mapping[str, str | None]) -> dict[str, Any]:
    """A filter: open sessions whose pipeline's process is none of those that are up (None: the server is down).

    Whether it is down, another process by now, or removed, is the same: so the query has one shape whatever is lost,
    and the plan that MongoDB keeps for it stays.
    """
    up = sorted({process for process in servers.values() if process})
    return {"status": "open", "media": {"$type": "binData"}, "server_id": {"$nin": up}}


def _add(date: str, milliseconds: Any) -> dict[str, Any]:
    return {"$dateAdd": {"startDate": date, "unit": "millisecond", "amount": milliseconds}}


def _ago(seconds: float | str) -> dict[str, Any]:
    amount = {"$toLong": {"$multiply": [seconds, 1000]}}
    return {"$dateSubtract": {"startDate": "$$NOW", "unit": "millisecond", "amount": amount}}
