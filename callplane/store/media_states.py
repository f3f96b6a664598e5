"""Media states: what media servers say of ready connections, and since when; by them somebody counts as away."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from pymongo import ReturnDocument

from callplane.contracts.ids import ConnectionId, ParticipantId, SessionId
from callplane.contracts.messages import connection_failed, connection_state
from callplane.contracts.reasons import ConnectionFailedReason, ReleaseReason
from callplane.store.decoding import page, read
from callplane.store.documents import ConnectionDocument
from callplane.store.due_times import RESET, DueTimes
from callplane.store.filters import in_time, older_than
from callplane.store.mongo.database import Database, DatabaseClock, Document
from callplane.store.versioned_updates import Change, NewChore, VersionedUpdates

LIMIT = 5000

_FLOWS = ("AUDIO", "VIDEO", "DATA")
"""As Kurento's events name them."""

Seats = Collection[tuple[SessionId, ParticipantId]]
"""Each its session and its participant."""


class MediaStates:
    """Guarded updates of ``media_state``, ``flows`` and ``told``; ``since`` stamps the last change of the first."""

    def __init__(self, database: Database, clock: DatabaseClock) -> None:
        self._collection = database["connections"]
        self._updates = VersionedUpdates(self._collection, ConnectionDocument, clock)
        self.graces = DueTimes(
            self._collection, ConnectionDocument, {"state": "ready", "media_state": "failed", "told": True}
        )
        """Of those that have failed, and whose participants know it."""

    async def media_state(
        self, connection_id: ConnectionId, known: Iterable[str | None], state: str, until: datetime | None = None
    ) -> Change[ConnectionDocument] | None:
        """What the media server says of it now, when that is news; told to its participant. Void after ``until``."""
        shown: Any = state
        in_force: Document = {} if until is None else {"$expr": in_time(until)}
        return await self._updates.change(
            {"_id": connection_id, "state": "ready", "media_state": {"$in": list(known)}, **in_force},
            {
                "$set": {"media_state": state},
                "$unset": {"told": "", **RESET["$unset"]},
                "$currentDate": {"since": True},
            },
            connection_state(connection_id, shown),
        )

    async def mark_reported(self, connection_id: ConnectionId) -> ConnectionDocument | None:
        """Its client reports, so that its silence will mean something; the document as it is, None when it is over."""
        found = await self._collection.find_one_and_update(
            {"_id": connection_id, "state": "ready"},
            {"$set": {"heard": True}},
            return_document=ReturnDocument.AFTER,
        )
        return None if found is None else read(ConnectionDocument, found, self._collection)

    async def unconnected_for(self, seconds: float, limit: int = 100) -> list[ConnectionDocument]:
        """Ready connections that have never been connected, so long after their answer, as far as was heard."""
        wanted = {"state": "ready", "media_state": None, **older_than("since", seconds)}
        return await self._all(wanted, limit)

    async def give_up(
        self, connection: ConnectionDocument, reason: ReleaseReason, until: datetime
    ) -> Change[ConnectionDocument] | None:
        """End what never was connected, unless it is by now or this comes too late; its participant is told."""
        where = {"_id": connection.id, "state": "ready", "media_state": None, "since": connection.since}
        return await self._updates.change(
            {**where, "$expr": in_time(until)},
            {"$set": {"state": "released", "reason": reason}, "$currentDate": {"since": True}},
            connection_state(connection.id, "failed", reason),
            [NewChore("settle")],
        )

    async def flow(self, connection_id: ConnectionId, medium: str, *, flowing: bool) -> None:
        """Whether one medium arrives from the participant; nobody is told of this alone (it is also silence)."""
        await self._collection.update_one(
            {"_id": connection_id, "state": "ready"}, {"$set": {f"flows.{medium}": flowing}}
        )

    async def tell_failed(
        self, connection_id: ConnectionId, reason: ConnectionFailedReason
    ) -> Change[ConnectionDocument] | None:
        """It did not heal while the drop timer ran: its participant is told to offer again, once."""
        return await self._updates.change(
            {"_id": connection_id, "state": "ready", "media_state": "failed", "told": {"$exists": False}},
            {"$set": {"told": True}},
            connection_failed(connection_id, reason),
        )

    async def untold(self, seconds: float) -> list[ConnectionDocument]:
        """Ready connections that have been failed for so long, and nobody was told."""
        wanted = {"state": "ready", "media_state": "failed", "told": None, **older_than("since", seconds)}
        return await self._all(wanted)

    async def failed_of(self, seats: Seats) -> list[ConnectionDocument]:
        """Ready connections of these seats that are failed."""
        wanted = {**_of(seats), "state": "ready", "media_state": "failed"}
        return await self._all(wanted)

    async def past_grace(self) -> list[ConnectionDocument]:
        """Ready connections of open sessions that have been failed, and told of it, for longer than the grace."""
        return await self.graces.over(LIMIT)

    async def without_media(self, seats: Seats) -> list[ConnectionDocument]:
        """What these seats publish and nothing of which arrives, though it once did."""
        wanted = {
            **_of(seats),
            "state": "ready",
            "kind": "publish",
            "media_state": "connected",
            "flows": {"$exists": True},
            "$nor": [{f"flows.{medium}": True} for medium in _FLOWS],
        }
        return await self._all(wanted)

    async def connected_for(self, seconds: float, seats: Seats) -> list[ConnectionDocument]:
        """Ready connections of these seats that have been connected for so long, as far as was heard."""
        wanted = {**_of(seats), "state": "ready", "media_state": "connected", **older_than("since", seconds)}
        return await self._all(wanted)

    async def _all(self, where: Document, limit: int = LIMIT) -> list[ConnectionDocument]:
        return await page(ConnectionDocument, where, self._collection, order="since", limit=limit)


def _of(seats: Seats) -> Document:
    sessions, participants = {session for session, _ in seats}, {participant for _, participant in seats}
    return {"session_id": {"$in": sorted(sessions)}, "participant_id": {"$in": sorted(participants)}}
