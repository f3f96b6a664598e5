"""Presence: of whom and since when, in the seats of sessions; when what was said is over; who was active last."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from pydantic import Field

from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.messages import participant_updated
from callplane.contracts.shapes import ParticipantView, Presence
from callplane.store.decoding import readable
from callplane.store.documents import Outboxed, Seat, SessionDocument
from callplane.store.filters import is_due, put_off
from callplane.store.mongo.database import Database, DatabaseClock, Document
from callplane.store.tenancy import of_tenant
from callplane.store.versioned_updates import Change, VersionedUpdates

ACTIVE_SECONDS = 30
"""``last_active_at`` is written at most so often, and is older than the truth by no more than that and a flush."""
_WAITING: Document = {"status": "open", "presence_due": {"$type": "date"}}
_AWAITED = {"$min": "$participants.presence.until"}
_DUE: Document = {"$set": {"presence_due": {"$ifNull": [_AWAITED, "$$REMOVE"]}}}


class SeatsOf(Outboxed):
    """A session, and those of its seats that were asked for."""

    id: SessionId = Field(alias="_id")
    participants: list[Seat]


class Presences:
    """Reads and ends presence; that it is said is an update of its seat. Each raises Unavailable."""

    def __init__(self, database: Database, clock: DatabaseClock) -> None:
        self._collection = database["sessions"]
        self._updates = VersionedUpdates(self._collection, SessionDocument, clock)

    async def of(self, identity: str, session: str | None, tenant: str | None, limit: int) -> list[SeatsOf]:
        """Where it sits in open sessions that a tenant reaches (None: all), by their ids, at most so many.

        ``session``: in that one alone, by id or custom id.
        """
        where: Document = {"status": "open", "participants.identity": identity, **of_tenant(tenant)}
        if session is not None:
            where["$or"] = [{"_id": session}, {"custom_id": session}]
        mine = {"$eq": ["$$seat.identity", {"$literal": identity}]}
        seats = {"participants": {"$filter": {"input": "$participants", "as": "seat", "cond": mine}}}
        found = await self._collection.find(where, seats).sort("_id", 1).limit(limit).to_list()
        return readable(SeatsOf, found, self._collection)

    async def due(self, limit: int = 100) -> list[SessionId]:
        """Open sessions in which what somebody said may be over."""
        found = await self._collection.find({**_WAITING, **is_due("presence_due")}, {"_id": 1}).limit(limit).to_list()
        return [SessionId(one["_id"]) for one in found if isinstance(one["_id"], str)]

    async def end(self, session_id: SessionId, before: ParticipantView) -> Change[SessionDocument] | None:
        """What it said until then is over: available, without a status. None: it says something else, or not yet."""
        said = {"id": before.id, "presence.until": before.presence.until}
        where: Document = {"_id": session_id, "status": "open", "participants": {"$elemMatch": said}}
        return await self._updates.change(
            {**where, "$expr": {"$lte": [before.presence.until, "$$NOW"]}},
            {"$unset": {"participants.$[seat].presence": ""}},
            participant_updated(before.model_dump(mode="json"), {"presence": Presence().model_dump(mode="json")}),
            array_filters=[{"seat.id": before.id}],
        )

    async def reckon(self, session_id: SessionId) -> None:
        """When what is said in a session is over next: of what stands there in the moment of the update."""
        await self._collection.update_one({"_id": session_id, **_WAITING}, [_DUE])

    async def put_off(self, session_id: SessionId) -> None:
        """Nothing can be done about it yet: again when it is over for twice as long."""
        later = {"$set": {"presence_due": put_off(_AWAITED)}}
        await self._collection.update_one({"_id": session_id, **_WAITING}, [later])

    async def active(self, seats: Mapping[SessionId, Collection[ParticipantId]]) -> None:
        """These have just asked for something: a write for each session, nothing for whom it was written lately."""
        updates = [self._active(session_id, ids) for session_id, ids in seats.items()]
        if updates:
            await self._collection.update_each(updates)

    def _active(self, session_id: SessionId, ids: Iterable[ParticipantId]) -> tuple[Document, list[Document]]:
        which = sorted(ids)
        lately = {"$dateSubtract": {"startDate": "$$NOW", "unit": "second", "amount": ACTIVE_SECONDS}}
        # A missing date is smaller than any other; a later one stays.
        stale = {"$and": [{"$in": ["$$seat.id", which]}, {"$lt": ["$$seat.last_active_at", lately]}]}
        changed = {"$mergeObjects": ["$$seat", {"last_active_at": "$$NOW"}]}
        seats = {"$map": {"input": "$participants", "as": "seat", "in": {"$cond": [stale, changed, "$$seat"]}}}
        where: Document = {"_id": session_id, "status": "open", "participants.id": {"$in": which}}
        return where, [{"$set": {"participants": seats}}]


def is_over(seat: Seat, now: datetime) -> bool:
    """Whether what it said lasts no longer."""
    return seat.presence.until is not None and seat.presence.until <= now
