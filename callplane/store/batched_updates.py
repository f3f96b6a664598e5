"""Batched updates: what may be done twice is done to several documents with one command, and each hears of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from callplane.contracts.errors import Trouble
from callplane.store.batched_reads import BatchedReads
from callplane.store.mongo.database import Document
from callplane.store.mongo.driver import Collection, Update
from callplane.store.mongo.errors import ServerAnswer

TOGETHER = 100
"""As many go with one command."""


@dataclass(frozen=True, eq=False, slots=True)
class _One:
    where: Document
    update: Update


class BatchedUpdates:
    """Updates of one collection: those that come while a command is under way go with the next one.

    ``many``: each is of all that match; else of one document.
    """

    def __init__(self, collection: Collection, *, many: bool = False) -> None:
        self._collection = collection
        self._many = many
        self._batches: BatchedReads[_One, int | Trouble | None] = BatchedReads(self._together, TOGETHER)

    async def __call__(self, where: Document, update: Update) -> int | None:
        """How many matched; None: the server says it of several together, and it is not known of this one.

        Raises Unavailable, and Trouble where the server says that of this one.
        """
        matched = await self._batches(_One(where, update))
        if isinstance(matched, Trouble):
            raise matched
        return matched

    async def _together(self, updates: Sequence[_One]) -> dict[_One, int | Trouble | None]:
        each = [(one.where, one.update) for one in updates]
        try:
            matched = await self._collection.update_repeatable(*each, many=self._many)
        except ServerAnswer as said:
            return await self._one_by_one(updates) if len(updates) > 1 else {updates[0]: said}
        if len(updates) == 1 or not matched:
            return dict.fromkeys(updates, matched)
        return dict.fromkeys(updates, 1 if matched == len(updates) and not self._many else None)

    async def _one_by_one(self, updates: Sequence[_One]) -> dict[_One, Any]:
        """The server refuses one of them. Which does not match may have been done before, with the others."""
        found: dict[_One, Any] = {}
        for one in updates:
            found |= await self._together([one])
        return {one: None if matched == 0 else matched for one, matched in found.items()}
