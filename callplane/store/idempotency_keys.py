"""Idempotency keys: which commands were sent under one, with what body; kept for a day (design 5)."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from pymongo import ReturnDocument

from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.ids import CommandId
from callplane.store.mongo.database import Database, Document

AT_ONCE = 200
"""Written with one command."""


@dataclass(slots=True, eq=False)
class _Entering:
    """A command that is being written down."""

    command_id: CommandId
    body_hash: str
    found: Document | None = None
    """What is written down under its id."""
    failure: Unavailable | None = None


class IdempotencyKeys:
    """One document per command id that was derived from a key. What comes while others are written goes together."""

    def __init__(self, database: Database) -> None:
        self._collection = database["commands"]
        self._waiting: dict[_Entering, None] = {}
        """What nobody writes yet, in the order in which it came."""
        self._turn = asyncio.Lock()

    async def enter(self, command_id: CommandId, body_hash: str) -> datetime | None:
        """Write the command down, once; since when it is there, None when that was with another body. Raises
        Unavailable.
        """
        one = _Entering(command_id, body_hash)
        self._waiting[one] = None
        try:
            async with self._turn:
                while one.found is None and one.failure is None:
                    await self._write(list(islice(self._waiting, AT_ONCE)))
        finally:
            self._waiting.pop(one, None)
        if one.failure is not None:
            raise Unavailable(str(one.failure)) from one.failure
        assert one.found is not None
        since: datetime = one.found["at"]
        return since if one.found["hash"] == body_hash else None

    async def _write(self, together: Collection[_Entering]) -> None:
        """With one command and one that reads it back; whoever stops waiting for it leaves the others to the next."""
        try:
            found = await self._found(together)
        except Unavailable as failure:
            for one in together:
                one.failure = failure
        else:
            for one in together:
                one.found = found[one.command_id]
        for one in together:
            self._waiting.pop(one, None)

    async def _found(self, together: Collection[_Entering]) -> dict[CommandId, Document]:
        if len(together) > 1:
            try:
                await self._collection.update_each([_entered(one) for one in together], upsert=True)
                ids = [one.command_id for one in together]
                found = {one["_id"]: one async for one in self._collection.find({"_id": {"$in": ids}})}
                if len(found) == len(set(ids)):
                    return found
            except Trouble:
                pass  # of one of them, as where another pod was first at this moment: each by itself, then
        return {one.command_id: await self._alone(one) for one in together}

    async def _alone(self, one: _Entering) -> Document:
        found = await self._collection.find_one_and_update(
            *_entered(one), upsert=True, return_document=ReturnDocument.AFTER
        )
        assert found is not None
        return found


def _entered(one: _Entering) -> tuple[Document, list[Document]]:
    """A pipeline stamps database time (``$currentDate`` would stamp repeats too); the hash is hexadecimal, so that
    nothing of it is evaluated.
    """
    first = {"_id": one.command_id, "hash": {"$literal": one.body_hash}, "at": "$$NOW"}
    return {"_id": one.command_id}, [{"$replaceWith": {"$mergeObjects": [first, "$$ROOT"]}}]
