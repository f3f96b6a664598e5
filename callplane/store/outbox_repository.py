"""Outbox repository: published events and done chores leave; what is overdue is found, claimed or put off."""

from collections.abc import Collection
from datetime import timedelta
from typing import Generic, TypeVar

from pymongo import ReturnDocument

from callplane.store.decoding import read
from callplane.store.documents import Outboxed
from callplane.store.filters import after, put_off
from callplane.store.mongo.database import Database, DatabaseClock, Document
from callplane.store.versioned_updates import VersionedUpdates

CLAIMED_AGES = 3
"""For so many times the age of what is overdue its claim stands."""

D = TypeVar("D", bound=Outboxed)


class OutboxRepository(Generic[D]):
    """What repositories of sessions and of connections have in common: documents with ``outbox`` and ``chores``."""

    def __init__(self, database: Database, name: str, kind: type[D], clock: DatabaseClock) -> None:
        self._collection = database[name]
        self._kind = kind
        self._clock = clock
        self._updates = VersionedUpdates(self._collection, kind, clock)
        """How all that participants see is written."""

    async def pull_published(self, id_: str, entries: list[str]) -> D | None:
        """Take published events out, by their ids; returns the document with what is left."""
        found = await self._collection.find_one_and_update(
            {"_id": id_}, {"$pull": {"outbox": {"id": {"$in": entries}}}}, return_document=ReturnDocument.AFTER
        )
        return None if found is None else read(self._kind, found, self._collection)

    async def pull_chore(self, id_: str, chore: str) -> None:
        """Take a chore out that has been done."""
        await self._collection.update_one({"_id": id_}, {"$pull": {"chores": {"id": chore}}})

    async def overdue(self, age: float, limit: int = 200) -> list[str]:
        """Documents that owe an event or a chore for longer than ``age`` seconds: so many of each, the oldest first.

        Two queries, in the order of their indexes: of one for both, those with events could keep all others away.
        """
        found: dict[str, None] = {}
        for due in self._due(age):
            found |= {d["_id"]: None async for d in self._collection.find(due, {"_id": 1}).limit(limit)}
        return [id_ for id_ in found if isinstance(id_, str)]

    async def claim_overdue(self, id_: str, age: float) -> D | None:
        """Become the one for a while that repeats what is owed (design 5). None: another is, or nothing is.

        For longer than a repeat should take, and for no longer than others may wait when its maker dies in it.
        """
        claim = int(CLAIMED_AGES * age * 1000)
        old = {"$dateSubtract": {"startDate": "$$NOW", "unit": "millisecond", "amount": claim}}
        free = [{"swept": {"$exists": False}}, {"swept": {"$type": "date"}, "$expr": {"$lt": ["$swept", old]}}]
        guard = {"_id": id_, "$and": [{"$or": self._due(age)}, {"$or": free}]}
        found = await self._collection.find_one_and_update(
            guard, {"$currentDate": {"swept": True}}, return_document=ReturnDocument.AFTER
        )
        return None if found is None else read(self._kind, found, self._collection)

    async def put_off_entries(
        self, id_: str, entries: Collection[str] | None = None, *, seconds: float | None = None
    ) -> None:
        """These events and chores (all) could not be done: again when they are owed twice as long, or so late.

        ``at`` is when an entry is due, so that those that cannot be done stand behind all others; ``first`` keeps since
        when it is owed.
        """
        update = {owed: _later(f"${owed}", entries, seconds) for owed in ("outbox", "chores")}
        where = {"_id": id_, "outbox": {"$type": "array"}, "chores": {"$type": "array"}}
        await self._collection.update_one(where, [{"$set": update}])

    async def make_due(self, chores: Collection[str]) -> None:
        """What these chores wait for has happened: what was put off of them is due now."""
        now = self._clock.now()
        late = {"late.at": {"$gt": now}, "late.do": {"$in": list(chores)}}
        await self._collection.update_many(
            {"chores.at": {"$gt": now}}, {"$set": {"chores.$[late].at": now}}, array_filters=[late]
        )

    def _due(self, age: float) -> list[Document]:
        before = self._clock.now() - timedelta(seconds=age)
        return [{"outbox.at": {"$lt": before}}, {"chores.at": {"$lt": before}}]


def _later(entries: str, ids: Collection[str] | None, seconds: float | None) -> Document:
    """An expression: the list with these entries due later."""
    since = {"$ifNull": ["$$entry.first", "$$entry.at"]}
    at = put_off(since) if seconds is None else after("$$NOW", seconds)
    changed = {"$mergeObjects": [{"first": "$$entry.at"}, "$$entry", {"at": at}]}
    which = True if ids is None else {"$in": ["$$entry.id", {"$literal": list(ids)}]}
    return {"$map": {"input": entries, "as": "entry", "in": {"$cond": [which, changed, "$$entry"]}}}
