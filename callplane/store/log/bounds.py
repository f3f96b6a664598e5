"""Bounds of a log: what is older than its last entries is deleted from the front, and a log that ended as a whole."""

from datetime import timedelta

from callplane.store.log.kept_entries import KeptEntries, whole
from callplane.store.log.keys import LogKeys
from callplane.store.log.reader import Head
from callplane.store.log.records import LogKey, id_range, position_of, record_id
from callplane.store.mongo.database import Database, DatabaseClock, Document
from callplane.store.tenancy import Tenancy

ENTRIES_KEPT = 10_000
BYTES_KEPT = 16 << 20
"""Of bodies. A log keeps the fewer of both, and whatever is younger than ``KEPT_SECONDS``."""

KEPT_SECONDS = 120.0
"""Far longer than a head is believed in: a writer never goes on from a place that was emptied meanwhile."""

CUT_EVERY = 256
"""Entries between two looks at the front, so that a look costs an append next to nothing."""


def is_whole(head: Head) -> bool:
    """Whether nothing can have been cut from a log that ends there."""
    return head.position <= ENTRIES_KEPT and head.size <= BYTES_KEPT


class LogBounds:
    """Deletions; each raises Unavailable, and each may be repeated."""

    def __init__(
        self, database: Database, clock: DatabaseClock, history_days: int = 0, tenancy: Tenancy | None = None
    ) -> None:
        self._collection = database["log"]
        self._clock = clock
        self._kept = KeptEntries(database)
        self._keys = LogKeys(database)
        self._history_days = history_days
        self._tenancy = tenancy or Tenancy(database)
        """Of the sessions, which may be in another database."""

    async def cut(self, log: LogKey, head: Head) -> None:
        """Delete what is beyond the bounds, from the front and without a gap: up to the first record that is young."""
        end = max(
            head.position - ENTRIES_KEPT + 1, await self._first(log, {"z": {"$gte": head.size - BYTES_KEPT}}) or 0
        )
        if end > 1:
            young = {"at": {"$gte": self._clock.now() - timedelta(seconds=KEPT_SECONDS)}}
            end = await self._first(log, young, before=end) or end
            await self._kept.copy(log, self._until(log, end))
            await self._keys.copy(log, self._until(log, end))
            await self._collection.delete_many({"_id": self._until(log, end), "s": log.session_id})

    async def delete(self, log: LogKey) -> None:
        """Delete the whole log. What a writer that is paused now may still add is for a second time, an hour later.

        With a session's log its history goes too, or what is kept of it is copied and stays for its days.
        """
        if log.key == log.session_id:
            tenant: str | None = None
            if self._history_days:
                await self._kept.copy(log, whole(log))
                session = await self._tenancy.of_session(log.session_id)
                tenant = session.tenant if session is not None else None
            await self._kept.end(log.session_id, self._history_days, tenant)
        await self._collection.delete_many({"_id": id_range(log.key), "s": log.session_id})

    async def _first(self, log: LogKey, which: Document, before: int | None = None) -> int | None:
        """The position of the first record that is so; read from the front, so that only what goes is looked at."""
        ids = id_range(log.key) if before is None else self._until(log, before)
        found = self._collection.find({"_id": ids, "s": log.session_id, **which}, {"_id": 1}).sort("_id", 1).limit(1)
        for one in await found.to_list():
            return position_of(one["_id"])
        return None

    @staticmethod
    def _until(log: LogKey, end: int) -> Document:
        return {"$gte": record_id(log.key, 0), "$lt": record_id(log.key, end)}
