"""Sweep leases: which wrapper does what one can do for all; in database time, renewed by the doing."""

from collections.abc import Iterable
from dataclasses import dataclass

from pymongo.errors import DuplicateKeyError

from callplane.store.filters import older_than
from callplane.store.mongo.database import Database, Document


@dataclass(frozen=True, slots=True)
class SweepLease:
    """A lease as last read; ``crowded``: there is more to do, or other, than its holder can."""

    holder: str
    held: bool
    crowded: bool


class SweepLeases:
    """One document per sweep. Two may hold one for a moment, or nobody: whatever a sweep does is guarded by itself."""

    def __init__(self, database: Database, lease_seconds: float = 3.0) -> None:
        self._collection = database["duties"]
        self._lease = lease_seconds

    async def all(self) -> dict[str, SweepLease]:
        """Every lease, by its sweep: one question for all of them. Raises Unavailable."""
        past = {"$subtract": ["$$NOW", int(self._lease * 1000)]}
        fields = {"holder": 1, "held": {"$gte": ["$at", past]}, "crowded": {"$gte": ["$crowded", past]}}
        found = await self._collection.aggregate([{"$project": fields}])
        return {
            one["_id"]: SweepLease(str(one.get("holder")), bool(one.get("held")), bool(one.get("crowded")))
            for one in found
            if isinstance(one["_id"], str)
            if one.get("holder") is not None  # else it was given back
        }

    async def take(self, sweep: str, wrapper: str) -> bool:
        """Be, or stay, the one who does it: free, ours, or its holder has not done it for a lease.

        Raises Unavailable.
        """
        free: list[Document] = [{"holder": {"$in": [None, wrapper]}}, older_than("at", self._lease)]
        update = {"$set": {"holder": wrapper}, "$currentDate": {"at": True}}
        if (await self._collection.update_one({"_id": sweep, "$or": free}, update)).matched_count:
            return True
        try:  # where there is none yet; $expr may not stand in the filter of an upsert
            await self._collection.update_one({"_id": sweep, "holder": {"$exists": False}}, update, upsert=True)
        except DuplicateKeyError:
            return False  # it is there, and another's
        return True

    async def renew(self, sweeps: Iterable[str], wrapper: str) -> None:
        """Stay the one who does these, as far as nobody else has them by now. Raises Unavailable."""
        ours = {"_id": {"$in": sorted(sweeps)}, "holder": wrapper}
        await self._collection.update_many(ours, {"$currentDate": {"at": True}})

    async def crowd(self, sweep: str) -> None:
        """For a lease from now on everybody is to do it. Raises Unavailable."""
        await self._collection.update_one({"_id": sweep}, {"$currentDate": {"crowded": True}})

    async def release(self, wrapper: str) -> None:
        """Give all of a wrapper's back at its peaceful end, so that others need not wait. Raises Unavailable."""
        await self._collection.update_many({"holder": wrapper}, {"$set": {"holder": None}})
