"""Timeline: the events of each session, kept for some days, also after the session is gone."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from callplane.contracts.errors import Trouble
from callplane.contracts.events import IncomingEvent
from callplane.contracts.ids import SessionId
from callplane.store.mongo.database import Database, Document
from callplane.store.tenancy import of_tenant

COLLECTION = "events"


@dataclass(frozen=True, slots=True)
class Part:
    """Which of a session's events: those behind a version, of one type or of all, so many at most."""

    after: int = 0
    type: str | None = None
    limit: int = 100


class Timeline:
    """Each event is a document under its own id, so that one that comes again changes nothing."""

    def __init__(self, database: Database, days: int = 30) -> None:
        self._collection = database[COLLECTION]
        self._sessions = database["sessions"]
        self._kept = timedelta(days=days)

    async def record(self, events: Sequence[IncomingEvent]) -> None:
        """Keep those that have a version, once each, all of them with one command. Raises Unavailable and Trouble."""
        documents = [self._document(event) for event in events if event.sessionversion is not None]
        if documents and "unknown" in await self._collection.insert_each(documents):
            raise Trouble("an event may not have been written")

    async def page(self, session_id: SessionId, part: Part, tenant: str | None = None) -> list[dict[str, Any]]:
        """In the order of their versions, if a tenant's keys (None: any keys) reach the session. Raises Unavailable."""
        where: Document = {"session_id": session_id, "version": {"$gt": part.after}, **of_tenant(tenant)}
        if part.type is not None:
            where["type"] = part.type
        found = await self._collection.find(where, {"event": 1}).sort("version", 1).limit(part.limit).to_list()
        return [json.loads(one["event"]) for one in found]

    async def knows(self, session_id: SessionId, tenant: str | None = None) -> bool:
        """Whether there is the session, or anything is kept of it, that these keys reach. Raises Unavailable."""
        reach = of_tenant(tenant)
        if await self._sessions.find_one({"_id": session_id, **reach}, {"_id": 1}) is not None:
            return True
        return await self._collection.find_one({"session_id": session_id, **reach}, {"_id": 1}) is not None

    def _document(self, event: IncomingEvent) -> Document:
        # As text: it comes back as it was published, whatever its free JSON has in it, and whoever wrote it.
        return {
            "_id": event.id,
            "session_id": event.sessionid,
            "version": event.sessionversion,
            "tenant": event.tenant,
            "type": event.type,
            "expires_at": event.time + self._kept,
            "event": event.body().decode(),
        }
