"""Bans: which identities may not join a session, read and lifted; a kick makes them (``Kick``)."""

from pydantic import Field

from callplane.contracts.ids import SessionId
from callplane.store.decoding import read
from callplane.store.documents import Ban, Outboxed
from callplane.store.mongo.database import Database


class BannedSession(Outboxed):
    """A session, and who may not join it."""

    id: SessionId = Field(alias="_id")
    bans: list[Ban] = Field(default_factory=list)


class Bans:
    """Reads and one update; each raises Unavailable."""

    def __init__(self, database: Database) -> None:
        self._collection = database["sessions"]

    async def of_session(self, session_id: SessionId) -> list[Ban] | None:
        """Those that stand, the oldest first; an identity may have several. None: there is no such session."""
        found = await self._collection.find_one({"_id": session_id}, {"bans": 1})
        return None if found is None else read(BannedSession, found, self._collection).bans

    async def lift(self, session_id: SessionId, identity: str) -> bool:
        """The identity may join again, or may already. False: no such session. In no view, and so without an event."""
        lifted = await self._collection.update_one({"_id": session_id}, {"$pull": {"bans": {"identity": identity}}})
        return lifted.matched_count == 1
