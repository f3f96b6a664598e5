"""Batched pulls: events and chores that are done, taken out of several documents with one command (design 5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from callplane.store.batched_reads import BatchedReads
from callplane.store.batched_updates import TOGETHER, BatchedUpdates
from callplane.store.mongo.database import Document
from callplane.store.mongo.driver import Collection


@dataclass(frozen=True, slots=True)
class Pull:
    """An update that takes these events and chores out of a document, all of them or, where its filter fails, none."""

    where: Document
    update: Document
    ids: frozenset[str]
    """Of the entries, which come never again: so it may be done twice."""


class BatchedPulls:
    """Pulls from one collection. Where the server does not say whose filters held, it is read what stands.

    What a pull that was done has taken out stands no more, whoever did it.
    """

    def __init__(self, collection: Collection, projection: Document | None = None) -> None:
        """``projection``: what is read of a document, its outbox and its chores with it; None: all of it."""
        self._collection = collection
        self._projection = projection
        self._updates = BatchedUpdates(collection)
        self.found: BatchedReads[str, Document | None] = BatchedReads(self._read, TOGETHER)
        """Reads documents, several with one command."""

    async def __call__(self, pull: Pull) -> tuple[bool, Document | None]:
        """Whether all of it is out, and the document where that was read to know it. Raises Unavailable, and Trouble
        where the server says that of this one.
        """
        matched = await self._updates(pull.where, pull.update)
        if matched is not None:
            return matched > 0, None
        found = await self.found(pull.where["_id"])
        return found is None or pull.ids.isdisjoint(_entries(found)), found

    async def _read(self, ids: Sequence[str]) -> dict[str, Document | None]:
        found = await self._collection.find({"_id": {"$in": sorted(set(ids))}}, self._projection).to_list()
        return {**dict.fromkeys(ids), **{one["_id"]: one for one in found}}


def _entries(document: Document) -> frozenset[str]:
    lists: list[Any] = [document.get("outbox"), document.get("chores")]
    return frozenset(
        entry["id"]
        for entries in lists
        if isinstance(entries, list)
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("id"), str)
    )
