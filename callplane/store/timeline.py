"""Timeline: the events of each session, kept for some days, also after the session is gone."""

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from callplane.contracts.errors import Trouble
from callplane.contracts.events import CloudEvent
from callplane.contracts.ids import SessionId
from callplane.store.mongo.database import Database, Document
from callplane.store.tenancy import of_tenant

COLLECTION = "events"
REFUSED = "request-refused"
"""What has no version, for it never became a change; the others without one are not kept."""


@dataclass(frozen=True, slots=True)
class Part:
    """Which of a session's events: those behind a version, of one type or of all, so many at most."""

    after: int = 0
    type: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Story:
    """A part in the order of time, and the version behind which it goes on; None: that was all so far."""

    events: list[dict[str, Any]]
    next: int | None


class Timeline:
    """Each event is a document under its own id, so that one that comes again changes nothing."""

    def __init__(self, database: Database, days: int = 30) -> None:
        self._collection = database[COLLECTION]
        self._sessions = database["sessions"]
        self._kept = timedelta(days=days)

    async def record(self, events: Sequence[CloudEvent]) -> None:
        """Keep changes and what was refused of a session, once each, with one command. Raises Unavailable, Trouble."""
        documents = [self._document(event) for event in events if _is_kept(event)]
        if documents and "unknown" in await self._collection.insert_each(documents):
            raise Trouble("an event may not have been written")

    async def page(self, session_id: SessionId, part: Part, tenant: str | None = None) -> list[dict[str, Any]]:
        """In the order of their versions, if a tenant's keys (None: any keys) reach the session. Raises Unavailable."""
        where: Document = {"session_id": session_id, "version": {"$gt": part.after}, **of_tenant(tenant)}
        if part.type is not None:
            where["type"] = part.type
        found = await self._collection.find(where, {"event": 1}).sort("version", 1).limit(part.limit).to_list()
        return [json.loads(one["event"]) for one in found]

    async def story(self, session_id: SessionId, part: Part, tenant: str | None = None) -> Story:
        """The versions of a part, and what was refused between them, so many at most of each. Raises Unavailable.

        The versions are the cursor: what was refused while the last of them was the last is shown again behind it.
        """
        versions = [] if part.type == REFUSED else await self.page(session_id, part, tenant)
        following = int(versions[-1]["sessionversion"]) if len(versions) == part.limit else None
        if part.type not in (None, REFUSED):
            return Story(versions, following)
        before = None if following is None else _time(versions[-1])
        refused = await self._refused(session_id, part, before, tenant)
        return Story(_merged(versions, refused), following)

    async def _refused(
        self, session_id: SessionId, part: Part, before: datetime | None, tenant: str | None
    ) -> list[dict[str, Any]]:
        """The last of what was refused behind the version that a part begins behind."""
        where: Document = {"session_id": session_id, "type": REFUSED, **of_tenant(tenant)}
        bounds: Document = {} if before is None else {"$lte": before}
        if part.after:
            first = {"session_id": session_id, "version": part.after, **of_tenant(tenant)}
            if (found := await self._collection.find_one(first, {"event": 1})) is not None:
                bounds["$gt"] = _time(json.loads(found["event"]))
        if bounds:
            where["at"] = bounds
        found_last = await self._collection.find(where, {"event": 1}).sort("at", -1).limit(part.limit).to_list()
        return [json.loads(one["event"]) for one in reversed(found_last)]

    async def knows(self, session_id: SessionId, tenant: str | None = None) -> bool:
        """Whether there is the session, or anything is kept of it, that these keys reach. Raises Unavailable."""
        reach = of_tenant(tenant)
        if await self._sessions.find_one({"_id": session_id, **reach}, {"_id": 1}) is not None:
            return True
        return await self._collection.find_one({"session_id": session_id, **reach}, {"_id": 1}) is not None

    def _document(self, event: CloudEvent) -> Document:
        # As text: it comes back as it was published, whatever its free JSON has in it, and whoever wrote it.
        place = {"at": event.time} if event.sessionversion is None else {"version": event.sessionversion}
        return {
            "_id": event.id,
            "session_id": event.sessionid,
            **place,
            "tenant": event.tenant,
            "type": event.type,
            "expires_at": event.time + self._kept,
            "event": event.body().decode(),
        }


def _is_kept(event: CloudEvent) -> bool:
    return event.sessionid is not None and (event.sessionversion is not None or event.type == REFUSED)


def _time(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["time"])


def _merged(versions: list[dict[str, Any]], refused: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By time; the versions stay in their order, whatever the clocks said that wrote them."""
    merged: list[dict[str, Any]] = []
    waiting = deque(refused)
    for event in versions:
        while waiting and _time(waiting[0]) <= _time(event):
            merged.append(waiting.popleft())
        merged.append(event)
    return [*merged, *waiting]
