"""Session pages: the list of all sessions, page by page."""

from dataclasses import dataclass
from typing import Any, Literal

from callplane.contracts.engines import Engine
from callplane.store.decoding import readable
from callplane.store.documents import SessionDocument
from callplane.store.mongo.database import Database
from callplane.store.tenancy import of_tenant

# Left on the server: what no public view shows.
_UNSEEN = {"outbox": 0, "chores": 0, "applied": 0, "kicked": 0, "bans": 0, "replaced": 0}


@dataclass(frozen=True, slots=True)
class Page:
    """Some sessions, none where not one of them can be read, and the id to go on after; None: these were the last."""

    sessions: list[SessionDocument]
    last: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sessions: of this status, engine and tenant; None: of any."""

    status: Literal["open", "closed"] | None = None
    engine: Engine | None = None
    tenant: str | None = None

    def filter(self) -> dict[str, Any]:
        """As MongoDB finds them."""
        where: dict[str, Any] = of_tenant(self.tenant)
        if self.status:
            where["status"] = self.status
        if self.engine:  # those of before there were two have none
            where["engine"] = "log" if self.engine == "log" else {"$ne": "log"}
        return where


class SessionPages:
    """Sessions in the order of their ids, which never change: what exists during a whole scan appears in it once."""

    def __init__(self, database: Database) -> None:
        self._collection = database["sessions"]

    async def open_by_custom_id(self, custom_id: str, tenant: str | None) -> list[SessionDocument]:
        """The open session with this custom id that a tenant's keys reach, if there is one. Raises Unavailable."""
        # Twice said that it is a text: the index of the unique ones serves the question only then.
        where = {"custom_id": {"$eq": custom_id, "$type": "string"}, "status": "open", **of_tenant(tenant)}
        found = await self._collection.find(where, _UNSEEN).limit(1).to_list()
        return readable(SessionDocument, found, self._collection)

    async def page(self, after: str | None, limit: int, wanted: Wanted = Wanted()) -> Page:
        """Up to ``limit`` sessions whose ids come after ``after``. Raises Unavailable."""
        # Compared with a text, only ids that are texts are found: what else is there is none of ours.
        where: dict[str, Any] = {"_id": {"$gte": ""} if after is None else {"$gt": after}, **wanted.filter()}
        found = await self._collection.find(where, _UNSEEN).sort("_id", 1).limit(limit + 1).to_list()
        sessions = readable(SessionDocument, found[:limit], self._collection)
        return Page(sessions, found[limit - 1]["_id"] if len(found) > limit else None)
