"""Leases of API pods: which connections hold mailboxes. In database time, renewed each second (design 5)."""

from callplane.store.mongo.database import Database

_FORGOTTEN_MILLISECONDS = 3_600_000


class PodLeases:
    """One document per pod process; ``holder`` is the queue of its present connection."""

    def __init__(self, database: Database, lease_seconds: float = 3.0) -> None:
        self._collection = database["pods"]
        self._lease = int(lease_seconds * 1000)

    async def renew(self, pod: str, holder: str | None) -> None:
        """Say that this pod lives, and which connection of it holds mailboxes. Raises Unavailable."""
        await self._collection.update_one(
            {"_id": pod}, {"$set": {"holder": holder}, "$currentDate": {"since": True}}, upsert=True
        )

    async def release(self, pod: str) -> None:
        """Give the lease back at a peaceful end, so that others need not wait for it to run out."""
        await self._collection.delete_one({"_id": pod})

    async def holders(self) -> frozenset[str]:
        """The connections of pods whose lease runs."""
        where = {"since": {"$type": "date"}, "$expr": {"$gte": ["$since", _past(self._lease)]}}
        found = [pod.get("holder") async for pod in self._collection.find(where, {"holder": 1})]
        return frozenset(holder for holder in found if isinstance(holder, str))

    async def bury(self) -> None:
        """Forget the pods that died an hour ago."""
        where = {"since": {"$type": "date"}, "$expr": {"$lt": ["$since", _past(_FORGOTTEN_MILLISECONDS)]}}
        await self._collection.delete_many(where)


def _past(milliseconds: int) -> dict[str, object]:
    return {"$dateSubtract": {"startDate": "$$NOW", "unit": "millisecond", "amount": milliseconds}}
