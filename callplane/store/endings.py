"""Why a seat that is gone is gone, as its attachment remembers it for an hour."""

from callplane.store.database import Database
from callplane.store.trouble import away_when_unreachable


class Endings:
    """Reads the end of attachments."""

    def __init__(self, database: Database) -> None:
        self._collection = database["attachments"]

    async def reason_of(self, participant_id: str) -> str | None:
        """``left``, ``kicked``, ``connection-lost`` …; None when nobody remembers. Raises Away."""
        with away_when_unreachable():
            found = await self._collection.find_one({"_id": participant_id}, {"reason": 1})
        return found.get("reason") if found else None
