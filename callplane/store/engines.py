"""Session engines: how a session's messages go and its commands wait; it never changes, so what was read stays true."""

from collections import OrderedDict

from callplane.contracts.command_queues import CommandQueues
from callplane.contracts.engines import Engine
from callplane.contracts.ids import SessionId
from callplane.store.mongo.database import Database

KEPT = 50_000


class SessionEngines:
    """Reads engines and command queues, and remembers those of the sessions that were asked for last."""

    def __init__(self, database: Database) -> None:
        self._collection = database["sessions"]
        self._known: OrderedDict[SessionId, tuple[Engine, CommandQueues]] = OrderedDict()
        """The sessions asked for last, the latest at the end."""

    async def of(self, session_id: SessionId) -> Engine | None:
        """The session's engine; None: there is no such session (any more). Raises Unavailable and Trouble."""
        found = await self._ways(session_id)
        return None if found is None else found[0]

    async def commands_of(self, session_id: SessionId) -> CommandQueues | None:
        """Where the session's commands wait; None: there is none (any more). Raises Unavailable and Trouble."""
        found = await self._ways(session_id)
        return None if found is None else found[1]

    async def _ways(self, session_id: SessionId) -> tuple[Engine, CommandQueues] | None:
        known = self._known.get(session_id)
        if known is not None:
            self._known.move_to_end(session_id)
            return known
        found = await self._collection.find_one({"_id": session_id}, {"engine": 1, "commands": 1})
        if found is None:
            return None
        engine: Engine = "log" if found.get("engine") == "log" else "queues"
        commands: CommandQueues = "sharded" if found.get("commands") == "sharded" else "per-session"
        self.remember(session_id, engine, commands)
        return engine, commands

    def remember(self, session_id: SessionId, engine: Engine, commands: CommandQueues = "per-session") -> None:
        """Somebody has read the session anyway."""
        self._known[session_id] = engine, commands
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
