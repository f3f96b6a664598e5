"""Tickets: for clients that cannot send a header; good for one use on any pod, for a minute (design 8.1)."""

import hashlib

from pymongo import ReturnDocument

from callplane.contracts.ids import ParticipantId, SessionId
from callplane.store.mongo.database import Database

TICKET_SECONDS = 60


class Tickets:
    """One document per ticket; it holds a hash, so that who reads the database can use none."""

    def __init__(self, database: Database) -> None:
        self._collection = database["tickets"]

    async def issue(self, ticket: str, session_id: SessionId, participant_id: ParticipantId) -> None:
        """Write a fresh ticket down for one seat. Raises Unavailable."""
        update = {
            "$setOnInsert": {"session_id": session_id, "participant_id": participant_id},
            "$currentDate": {"at": True},
        }
        await self._collection.update_one({"_id": _hash(ticket)}, update, upsert=True)

    async def use(self, ticket: str) -> tuple[SessionId, ParticipantId] | None:
        """The seat of a ticket, for whoever uses it first; None when it is used, too old or unknown.

        Raises Unavailable.
        """
        oldest = {"$dateSubtract": {"startDate": "$$NOW", "unit": "second", "amount": TICKET_SECONDS}}
        fresh = {"at": {"$type": "date"}, "$expr": {"$gt": ["$at", oldest]}}
        found = await self._collection.find_one_and_update(
            {"_id": _hash(ticket), "used": {"$exists": False}, **fresh},
            {"$set": {"used": True}},
            return_document=ReturnDocument.AFTER,
        )
        return None if found is None else (SessionId(found["session_id"]), ParticipantId(found["participant_id"]))


def _hash(ticket: str) -> str:
    """A plain hash is enough: what it hides is random, not a word that could be guessed."""
    return hashlib.sha256(ticket.encode("utf-8", "replace")).hexdigest()
