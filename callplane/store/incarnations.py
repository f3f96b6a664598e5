"""Incarnations: leases of API pods, under whose names seats are attached; one that has lapsed never comes back."""

from collections.abc import Collection

from callplane.store.filters import younger_than
from callplane.store.mongo.database import Database

LEASE_SECONDS = 3.0


class Incarnations:
    """One document for each, whose ``since`` is its last renewal, in database time. Each raises Unavailable."""

    def __init__(self, database: Database, lease_seconds: float = LEASE_SECONDS) -> None:
        self._collection = database["incarnations"]
        self._running = younger_than("since", lease_seconds)
        """A filter: the lease has not run out."""

    async def register(self, incarnation: str) -> None:
        """Begin one, before anything bears its name."""
        await self._collection.update_one({"_id": incarnation}, {"$currentDate": {"since": True}}, upsert=True)

    async def renew(self, incarnation: str) -> bool:
        """Prolong it; False: it has run out by the database's time, and others may have acted upon that."""
        where = {"_id": incarnation, **self._running}
        renewed = await self._collection.update_one(where, {"$currentDate": {"since": True}})
        return renewed.matched_count == 1

    async def release(self, incarnation: str) -> None:
        """End one at once: who bears its name is attached by nobody any more."""
        await self._collection.delete_one({"_id": incarnation})

    async def living(self, among: Collection[str]) -> frozenset[str]:
        """Those of them whose lease runs now."""
        found = self._collection.find({"_id": {"$in": sorted(among)}, **self._running}, {"_id": 1})
        return frozenset([str(one["_id"]) async for one in found])
