"""Leases: which wrappers live. In database time, renewed each second, over after three (design 5, 7.2)."""

from callplane.store.mongo.database import Database


class WrapperLeases:
    """One document per wrapper process; a restarted one is another."""

    def __init__(self, database: Database, lease_seconds: float = 3.0) -> None:
        self._collection = database["wrappers"]
        self._past = {
            "$dateSubtract": {"startDate": "$$NOW", "unit": "millisecond", "amount": int(lease_seconds * 1000)}
        }

    async def renew(self, wrapper: str) -> None:
        """Say that this wrapper lives."""
        await self._collection.update_one({"_id": wrapper}, {"$currentDate": {"since": True}}, upsert=True)

    async def release(self, wrapper: str) -> None:
        """Give the lease back at a peaceful end, so that others need not wait for it to run out."""
        await self._collection.delete_one({"_id": wrapper})

    async def alive(self) -> frozenset[str]:
        """The wrappers whose lease runs."""
        where = {"since": {"$type": "date"}, "$expr": {"$gte": ["$since", self._past]}}
        found = [one["_id"] async for one in self._collection.find(where, {"_id": 1})]
        return frozenset(id_ for id_ in found if isinstance(id_, str))

    async def census(self) -> tuple[frozenset[str], frozenset[str]]:
        """Those whose lease runs, and those whose lease has run out, as one question."""
        living = {"$and": [{"$eq": [{"$type": "$since"}, "date"]}, {"$gte": ["$since", self._past]}]}
        found = await self._collection.aggregate([{"$project": {"living": living}}])
        leases = {one["_id"]: one["living"] for one in found if isinstance(one["_id"], str)}
        alive = frozenset(wrapper for wrapper, lives in leases.items() if lives)
        return alive, frozenset(leases) - alive

    async def bury(self) -> list[str]:
        """Remove the leases that have run out; returns whose they were."""
        where = {"since": {"$type": "date"}, "$expr": {"$lt": ["$since", self._past]}}
        dead = [found["_id"] async for found in self._collection.find(where, {"_id": 1})]
        for wrapper in dead:
            await self._collection.delete_one({"_id": wrapper, **where})
        return [wrapper for wrapper in dead if isinstance(wrapper, str)]
