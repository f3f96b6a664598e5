"""Outbox age: for how long the oldest event of any session has waited to be published."""

from callplane.store.mongo.database import Database, DatabaseClock


class OutboxAge:
    """Reads one document, by the index of the sweep that empties outboxes."""

    def __init__(self, database: Database, clock: DatabaseClock) -> None:
        self._sessions = database["sessions"]
        self._clock = clock

    async def oldest(self) -> float:
        """Seconds; 0 while nothing waits. Raises Unavailable."""
        where = {"outbox.at": {"$type": "date"}}
        shown = {"outbox.at": 1, "outbox.first": 1}
        found = await self._sessions.find(where, shown).sort("outbox.at", 1).limit(1).to_list()
        waiting = [entry.get("first") or entry["at"] for one in found for entry in one["outbox"] if entry.get("at")]
        return max(0.0, (self._clock.now() - min(waiting)).total_seconds()) if waiting else 0.0
