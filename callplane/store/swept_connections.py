"""Swept connections: what ends with its seat, its epoch or its session, by one update for all of it (design 5)."""

from typing import Any

from callplane.contracts.ids import ParticipantId, SessionId
from callplane.store.batched_updates import BatchedUpdates
from callplane.store.decoding import page
from callplane.store.documents import ConnectionDocument
from callplane.store.mongo.database import Database, DatabaseClock, Document
from callplane.store.versioned_updates import OutboxRepository

UNRELEASED: Document = {"state": {"$ne": "released"}}
_SWEPT: Document = {
    "$set": {"state": "released", "reason": "swept"},
    "$unset": {"claim": ""},
    "$currentDate": {"since": True},
}


_SWEPT_ONCE: list[Document] = [
    {
        "$set": {
            "state": "released",
            "reason": "swept",
            "since": {"$cond": [{"$eq": ["$state", "released"]}, "$since", "$$NOW"]},
        }
    },
    {"$unset": ["claim"]},
]
"""The same, which leaves one that has ended so before as it is."""


class SweptConnections(OutboxRepository[ConnectionDocument]):
    """Updates of many connections at a time. None of them is told by itself, for what ended them was told."""

    def __init__(self, database: Database, clock: DatabaseClock) -> None:
        super().__init__(database, "connections", ConnectionDocument, clock)
        self._of_seats = BatchedUpdates(self._collection, many=True)
        """Ends what seats had: each a handful, so that none is held up by much. What sessions had goes alone."""

    async def release_all(self, session_id: SessionId) -> None:
        """End those of a closed session, which says so itself; its pipeline is released with every child."""
        await self._collection.update_repeatable(({"session_id": session_id, **UNRELEASED}, _SWEPT), many=True)

    async def end_epoch(self, session_id: SessionId, epoch: int) -> None:
        """End the ready ones of epochs before this one, whose loss was told, and whose pipelines go as a whole.

        Handlers at work on one start again in this epoch: their late commit no longer matches (design 7.1).
        """
        at_work = {"state": "negotiating", "offered": True}
        where = {"session_id": session_id, "epoch": {"$lt": epoch}, "$or": [{"state": "ready"}, at_work]}

        def either(ended: Any, begun_anew: Any) -> Document:
            return {"$cond": [{"$eq": ["$state", "ready"]}, ended, begun_anew]}

        changed = {
            "state": either("released", "$state"),
            "reason": either("swept", "$$REMOVE"),
            "since": either("$$NOW", "$since"),
            "epoch": either("$epoch", epoch),
            "endpoint": either("$endpoint", "$$REMOVE"),
            "claim": "$$REMOVE",
        }
        await self._collection.update_many(where, [{"$set": changed}])

    async def release_of_seat(self, session_id: SessionId, participant_id: ParticipantId) -> list[ConnectionDocument]:
        """End those of a seat that went, which was told; returns all that have ended so, also before.

        The update is about all of these, so that where it finds none nobody need look for any. Seats go together.
        """
        seat: Document = {"session_id": session_id, "participant_id": participant_id}
        swept = {"state": "released", "reason": "swept"}
        if await self._of_seats({**seat, "$or": [UNRELEASED, swept]}, _SWEPT_ONCE) == 0:
            return []
        return await page(ConnectionDocument, {**seat, **swept}, self._collection)
