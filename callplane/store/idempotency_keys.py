"""Idempotency keys: which commands were sent under one, with what body; kept for a day (design 5)."""

from datetime import datetime

from pymongo import ReturnDocument

from callplane.contracts.ids import CommandId
from callplane.store.mongo.database import Database


class IdempotencyKeys:
    """One document per command id that was derived from a key."""

    def __init__(self, database: Database) -> None:
        self._collection = database["commands"]

    async def enter(self, command_id: CommandId, body_hash: str) -> datetime | None:
        """Write the command down, once; since when it is there, None when that was with another body. Raises
        Unavailable.

        A pipeline stamps database time (``$currentDate`` would stamp repeats too); ``body_hash`` is hexadecimal, so
        that nothing of it is evaluated.
        """
        first = {"_id": command_id, "hash": {"$literal": body_hash}, "at": "$$NOW"}
        found = await self._collection.find_one_and_update(
            {"_id": command_id},
            [{"$replaceWith": {"$mergeObjects": [first, "$$ROOT"]}}],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return found["at"] if found is not None and found["hash"] == body_hash else None
