"""Session pages: the list of all sessions, page by page."""

from dataclasses import dataclass
from typing import Any, Literal

from callplane.contracts.engines import Engine
from callplane.store.decoding import readable
from callplane.store.documents import SessionDocument
from callplane.store.mongo.database import Database

# Left on the server: what no public view shows.
_UNSEEN = {"outbox": 0, "chores": 0, "applied": 0, "kicked": 0}


@dataclass(frozen=True, slots=True)
class Page:
    """Some sessions, none where not one of them can be read, and the id to go on after; None: these were the last."""

    sessions: list[SessionDocument]
    last: str | None


class SessionPages:
    """Sessions in the order of their ids, which never change: what exists during a whole scan appears in it once."""

    def __init__(self, database: Database) -> None:
        self._collection = database["sessions"]

    async def page(
        self,
        after: str | None,
        limit: int,
        status: Literal["open", "closed"] | None = None,
        engine: Engine | None = None,
    ) -> Page:
        """Up to ``limit`` sessions (of that status and engine) whose ids come after ``after``. Raises Unavailable."""
        # Compared with a text, only ids that are texts are found: what else is there is none of ours.
        where: dict[str, Any] = {"_id": {"$gte": ""} if after is None else {"$gt": after}}
        if status:
            where["status"] = status
        if engine:  # those of before there were two have none
            where["engine"] = "log" if engine == "log" else {"$ne": "log"}
        found = await self._collection.find(where, _UNSEEN).sort("_id", 1).limit(limit + 1).to_list(limit + 1)
        sessions = readable(SessionDocument, found[:limit], self._collection)
        return Page(sessions, found[limit - 1]["_id"] if len(found) > limit else None)
