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
    """Pulls from one collection. Where the server does not say whose filters held, it is read which entries stand.

    Those of a pull that was done stand no more, whoever did it.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._updates = BatchedUpdates(collection)
        self._standing: BatchedReads[str, frozenset[str]] = BatchedReads(self._read, TOGETHER)

    async def __call__(self, pull: Pull) -> bool:
        """Whether all of it is out. Raises Unavailable, and Trouble where the server says that of this one."""
        matched = await self._updates(pull.where, pull.update)
        if matched is not None:
            return matched > 0
        return pull.ids.isdisjoint(await self._standing(pull.where["_id"]))

    async def _read(self, ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """The ids of what stands in each; nothing does in one that is gone."""
        found = self._collection.find({"_id": {"$in": sorted(set(ids))}}, {"outbox.id": 1, "chores.id": 1})
        standing = {one["_id"]: _entries(one) for one in await found.to_list()}
        return {id_: standing.get(id_, frozenset()) for id_ in ids}


def _entries(document: Document) -> frozenset[str]:
    lists: list[Any] = [document.get("outbox"), document.get("chores")]
    return frozenset(
        entry["id"]
        for entries in lists
        if isinstance(entries, list)
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("id"), str)
    )
