"""Session engines: by which engine a session's messages go; it never changes, so that what was read once stays true."""

from collections import OrderedDict

from callplane.contracts.engines import Engine
from callplane.contracts.ids import SessionId
from callplane.store.mongo.database import Database

KEPT = 50_000


class SessionEngines:
    """Reads engines, and remembers those of the sessions that were asked for last."""

    def __init__(self, database: Database) -> None:
        self._collection = database["sessions"]
        self._known: OrderedDict[SessionId, Engine] = OrderedDict()
        """The sessions asked for last, the latest at the end."""

    async def of(self, session_id: SessionId) -> Engine | None:
        """The session's engine; None: there is no such session (any more). Raises Unavailable and Trouble."""
        known = self._known.get(session_id)
        if known is not None:
            self._known.move_to_end(session_id)
            return known
        found = await self._collection.find_one({"_id": session_id}, {"engine": 1})
        if found is None:
            return None
        engine: Engine = "log" if found.get("engine") == "log" else "queues"
        self.remember(session_id, engine)
        return engine

    def remember(self, session_id: SessionId, engine: Engine) -> None:
        """Somebody has read the session anyway."""
        self._known[session_id] = engine
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
