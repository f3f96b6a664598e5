"""Media servers: the pool, who reaches each of them, and how full they are (design 7.1)."""

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from callplane.contracts.model import Wire
from callplane.store.decoding import readable
from callplane.store.filters import older_than, placed_on
from callplane.store.mongo.database import Database, Document
from callplane.store.placements import OPEN, Placements

REMOVED = "removed_media_servers"
"""Name and address of what operators have removed: settings that still name it do not bring it back."""


class MediaServerDocument(Wire):
    """One media server; ``memory`` is in KiB, ``placed`` what was placed there since it was read."""

    name: str = Field(alias="_id")
    url: str
    state: Literal["up", "down"] = "down"
    server_id: str | None = None
    cordoned: bool = False
    draining: bool = False
    memory: int = 0
    placed: int = 0
    pipelines: int | None = None
    sessions: int = 0
    contacts: list[str] = Field(default_factory=list)


def new_server() -> Document:
    """What is known of a server before anybody has reached it."""
    return {"state": "down", "cordoned": False, "draining": False, "memory": 0, "placed": 0, "contacts": []}


class MediaServers(Placements):
    """Guarded updates of the pool by those who reach it."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._sessions = database["sessions"]
        """Counted here, never written."""
        self._removed = database[REMOVED]
        """What operators have removed."""

    async def register(self, name: str, url: str) -> None:
        """Make it known; what is known of it already stays."""
        update = {"$set": {"url": url}, "$setOnInsert": new_server()}
        await self._collection.update_one({"_id": name}, update, upsert=True)

    async def configure(self, name: str, url: str) -> bool:
        """Make one that the settings name known, unless an operator has removed it from this address; False then.

        Asked again after it was written: the order may have been given in between.
        """
        where: Document = {"_id": name, "url": url}
        if await self._removed.find_one(where) is not None:
            return False
        await self.register(name, url)
        if await self._removed.find_one(where) is None:
            return True
        await self._collection.delete_one({**where, "state": "down", "contacts": []})
        return False

    async def all(self) -> list[MediaServerDocument]:
        """The whole pool."""
        found = await self._collection.find().to_list()
        return readable(MediaServerDocument, found, self._collection)

    async def mark_reached(self, name: str, wrapper: str, server_id: str) -> None:
        """A wrapper has a socket: the server is up, and this is its process. Said again and again, written when new."""
        news = [{"contacts": {"$ne": wrapper}}, {"state": "down"}, {"server_id": {"$ne": server_id}}]
        update = {"$addToSet": {"contacts": wrapper}, "$set": {"state": "up", "server_id": server_id}}
        await self._collection.update_one({"_id": name, "$or": news}, update)

    async def mark_unreached(self, name: str, wrapper: str, *, refused: bool) -> bool:
        """A wrapper's own attempt has failed; True when nobody reaches it any more and it is down by that.

        Refused: nobody listens there, the process is gone for good. A silent one may wake up with all that it had.
        """
        gone: Document = {"server_id": None} if refused else {}
        await self._collection.update_one({"_id": name}, {"$pull": {"contacts": wrapper}})
        down = await self._collection.update_one(
            {"_id": name, "contacts": [], "state": "up"}, {"$set": {"state": "down", **gone}}
        )
        return down.modified_count == 1

    async def contacts(self) -> frozenset[str]:
        """Every wrapper that counts as reaching some server. To compare with the living, these are to be read later:

        each is alive before it is a contact, so that one who is none of them then is dead, or has given its lease up.
        """
        pool = self._collection.find({"contacts": {"$ne": []}}, {"contacts": 1})
        return frozenset([wrapper async for server in pool for wrapper in server.get("contacts", [])])

    async def remove_contacts(self, wrappers: Iterable[str]) -> None:
        """Take dead or leaving wrappers out of the contacts; that alone makes no server down."""
        gone = sorted(wrappers)
        await self._collection.update_many({"contacts": {"$in": gone}}, {"$pullAll": {"contacts": gone}})

    async def claim_monitor(self, name: str, wrapper: str, lease_seconds: float = 10.0) -> bool:
        """Be, or stay, the one who watches this server for orphans; free, ours, or its holder has been silent."""
        free = [{"monitor.wrapper": {"$in": [None, wrapper]}}, older_than("monitor.at", lease_seconds)]
        update = {"$set": {"monitor.wrapper": wrapper}, "$currentDate": {"monitor.at": True}}
        mine = await self._collection.update_one({"_id": name, "$or": free}, update)
        return mine.matched_count == 1

    async def set_pipeline_count(self, name: str, wrapper: str, pipelines: int | None) -> None:
        """What its monitor has counted, for operators; None: the count begins anew."""
        where: Document = {"_id": name, "monitor.wrapper": wrapper, "pipelines": {"$ne": pipelines}}
        await self._lightly.update_one(where, {"$set": {"pipelines": pipelines}})

    async def count_sessions(self) -> None:
        """Count the open sessions on each, for those who need no newer number."""
        for name in [found["_id"] async for found in self._collection.find({}, {"_id": 1})]:
            sessions = await self._sessions.count_documents(placed_on(name))
            where = {"_id": name, "sessions": {"$ne": sessions}}
            await self._lightly.update_one(where, {"$set": {"sessions": sessions}})

    async def reached_by_others(self, name: str, wrapper: str) -> bool:
        """Whether somebody else has a socket to it."""
        others: Document = {"_id": name, "state": "up", "contacts": {"$elemMatch": {"$ne": wrapper}}}
        return await self._collection.find_one(others, {"_id": 1}) is not None

    async def exists(self, name: str) -> bool:
        """Whether it is in the pool (still)."""
        return await self._collection.find_one({"_id": name}, {"_id": 1}) is not None

    async def find_available(self, *, but: str | None = None) -> str | None:
        """Some server that would take a session now, whoever reaches it."""
        found = await self._collection.find_one({**OPEN, "_id": {"$ne": but}}, {"_id": 1})
        return None if found is None else str(found["_id"])

    async def has_room_elsewhere(self, name: str) -> bool:
        """Whether another server would take a session now."""
        return await self.find_available(but=name) is not None

    async def is_draining(self, name: str) -> bool:
        """Whether the order to move everything off it (still) stands."""
        return await self._collection.find_one({"_id": name, "draining": True}, {"_id": 1}) is not None

    async def claim_turn(self, name: str, seconds: float) -> bool:
        """Be the one wrapper that moves sessions off this draining server for the next ``seconds``."""
        free = [{"moved": {"$exists": False}}, older_than("moved", seconds)]
        where = {"_id": name, "draining": True, "state": "up", "$or": free}
        mine = await self._collection.update_one(where, {"$currentDate": {"moved": True}})
        return mine.modified_count == 1
