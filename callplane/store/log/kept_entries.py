"""Kept entries: chat out of a log, copied by whoever is about to delete its record, so that history outlives the log.

Nothing is written twice while people talk: an entry is in its record, and goes into the collection ``history`` when the
record goes. Whoever deletes copies first, on a majority; who reads asks the log first and the history then, so
what moves between the two questions is found by the second. A copy has its position as ``_id``: it may be made by
several at once, and again.
"""

from functools import partial
from typing import Any

from callplane.concurrency import for_each
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import SessionId
from callplane.store.log.records import LogKey, id_range, position_of, read_record, record_id, written_entry
from callplane.store.mongo.database import Database, Document

RECORDS_AT_ONCE = 20
"""Each of 256 KiB at most."""
DAY_MILLISECONDS = 86_400_000


class KeptEntries:
    """Copies and ends; each raises Unavailable, and each may be repeated."""

    def __init__(self, database: Database) -> None:
        self._log = database["log"]
        self._history = database["history"]

    async def copy(self, log: LogKey, ids: Document) -> None:
        """Copy what is kept out of the records with these ids, oldest first; back when a majority has all of it."""
        where: Document = {"_id": ids, "s": log.session_id, "e.k": {"$exists": True}}
        while found := await self._log.find(where).sort("_id", 1).limit(RECORDS_AT_ONCE).to_list():
            copies = [one for record in found for one in _copies(log, record)]
            # One that is there already was written before the deletion that follows, and so is on a majority with it.
            if copies and "unknown" in await self._history.insert_each(copies):
                raise Unavailable("it is not known whether what is kept was copied")
            # Also of those that were deleted before: an edit, or a repeat, may stand behind the deletion that it raced.
            deleted: Document = {"s": log.session_id, "m": {"$in": [one["m"] for one in copies]}, "w": "delete"}
            await for_each(partial(self.forget, log.session_id), await self._history.distinct("m", deleted))
            where = {**where, "_id": {**ids, "$gt": found[-1]["_id"]}}

    async def forget(self, session_id: SessionId, about: str) -> None:
        """Take the words of a deleted message, and of its edits, out of the copies; the log's go with their records."""
        where = {"s": session_id, "m": about, "w": {"$ne": "delete"}}
        await self._history.update_many(where, {"$unset": {"b": ""}})

    async def end(self, session_id: SessionId, days: int, tenant: str | None = None) -> None:
        """The session is deleted: its history stays its tenant's for so many days of database time, or goes now."""
        if days == 0:
            await self._history.delete_many({"s": session_id})
            return
        then = {"$dateAdd": {"startDate": "$$NOW", "unit": "millisecond", "amount": days * DAY_MILLISECONDS}}
        where = {"s": session_id, "expires_at": {"$exists": False}}
        of = {} if tenant is None else {"t": {"$literal": tenant}}
        await self._history.update_many(where, [{"$set": {"expires_at": then, **of}}])


def whole(log: LogKey) -> Document:
    """The ids of all records of a log."""
    return dict(id_range(log.key))


def _copies(log: LogKey, found: Document) -> list[Document]:
    """The documents of what is kept of a record; none of one that cannot be read, and that nobody could show."""
    try:
        record = read_record(found)
    except (KeyError, TypeError, ValueError):
        return []
    copies: list[dict[str, Any]] = []
    for position, entry in enumerate(record.entries, record.first):
        if entry.kept is not None:
            kept = written_entry(entry)
            copies.append({"_id": record_id(log.key, position), "s": log.session_id, **kept.pop("k"), "b": entry.body})
    return copies


def position_in(copy: Document) -> int:
    """Where it stood in its log."""
    return position_of(str(copy["_id"]))
