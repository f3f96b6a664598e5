"""The list of sessions, page by page."""

from dataclasses import dataclass
from typing import Any, Literal

from callplane.store.database import Database
from callplane.store.documents import SessionDocument
from callplane.store.trouble import away_when_unreachable

# Left on the server: what no public view shows.
_UNSEEN = {"outbox": 0, "chores": 0, "applied": 0, "kicked": 0}


@dataclass(frozen=True, slots=True)
class Page:
    """Some sessions, and the id to go on after; None: these were the last."""

    sessions: list[SessionDocument]
    last: str | None


class Listing:
    """Sessions in the order of their ids, which never change: what exists during a whole scan appears in it once."""

    def __init__(self, database: Database) -> None:
        self._collection = database["sessions"]

    async def page(self, after: str | None, limit: int, status: Literal["open", "closed"] | None = None) -> Page:
        """Up to ``limit`` sessions whose ids come after ``after``. Raises Away."""
        where: dict[str, Any] = {"status": status} if status else {}
        if after is not None:
            where["_id"] = {"$gt": after}
        with away_when_unreachable():
            found = await self._collection.find(where, _UNSEEN).sort("_id", 1).limit(limit + 1).to_list(limit + 1)
        sessions = [SessionDocument.model_validate(document) for document in found[:limit]]
        return Page(sessions, sessions[-1].id if len(found) > limit else None)
