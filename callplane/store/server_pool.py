"""Server pool: what operators tell the pool of media servers, and what they see of it (design 7, 8.2)."""

from typing import Literal

from pymongo.errors import DuplicateKeyError

from callplane.contracts.operations import MediaServerView
from callplane.store.decoding import readable
from callplane.store.filters import placed_on
from callplane.store.media_servers import REMOVED, MediaServerDocument, new_server
from callplane.store.mongo.database import Database, Document

Removed = Literal["removed", "busy", "unknown"]


class ServerPool:
    """Register, cordon, drain, remove; wrappers look at the pool every two seconds."""

    def __init__(self, database: Database) -> None:
        self._servers = database["media_servers"]
        self._removed = database[REMOVED]
        self._sessions = database["sessions"]

    async def all(self) -> list[MediaServerView]:
        """The pool by name, with the number of open sessions on each."""
        pool = await self._pool()
        return [_view(server, await self._count(server.name), pool) for server in pool]

    async def last_counted(self) -> list[MediaServerView]:
        """The pool by name, with what was last counted of sessions."""
        pool = await self._pool()
        return [_view(server, server.sessions, pool) for server in pool]

    async def find(self, name: str) -> MediaServerView | None:
        """One of them."""
        return next((server for server in await self.all() if server.name == name), None)

    async def add(self, name: str, url: str) -> bool:
        """Make it known; False: the name is taken."""
        try:
            await self._removed.delete_one({"_id": name})
            await self._servers.insert_one({"_id": name, "url": url, **new_server()})
        except DuplicateKeyError:
            return False
        return True

    async def change(self, name: str, *, cordoned: bool | None, draining: bool | None) -> None:
        """What is drained is cordoned, or its sessions would come back; to uncordon it ends the draining."""
        fields: Document = {}
        if cordoned is not None:
            fields = {"cordoned": cordoned} if cordoned else {"cordoned": False, "draining": False}
        if draining is not None:
            fields |= {"draining": True, "cordoned": True} if draining else {"draining": False}
        await self._servers.update_one({"_id": name}, {"$set": fields})

    async def remove(self, name: str) -> Removed:
        """Forget it unless a call is on it. One that is placed there in this moment is moved as from a lost one.

        What is remembered comes first: a wrapper that starts just then would bring it back.
        """
        if await self._count(name):
            return "busy"
        found = await self._servers.find_one({"_id": name}, {"url": 1})
        if found is None:
            return "unknown"
        await self._removed.update_one({"_id": name}, {"$set": {"url": found["url"]}}, upsert=True)
        gone = await self._servers.delete_one({"_id": name})
        return "removed" if gone.deleted_count else "unknown"

    async def _pool(self) -> list[MediaServerDocument]:
        found = await self._servers.find().sort("_id", 1).to_list()
        return readable(MediaServerDocument, found, self._servers)

    async def _count(self, name: str) -> int:
        return await self._sessions.count_documents(placed_on(name))


def _view(server: MediaServerDocument, sessions: int, pool: list[MediaServerDocument]) -> MediaServerView:
    """``draining`` is what is ordered and not done: a call that came late is moved as well, so the order stays."""
    moving = server.draining and sessions > 0 and server.state == "up"
    stuck = moving and not any(other.state == "up" and not other.cordoned for other in pool if other is not server)
    return MediaServerView(
        name=server.name,
        url=server.url,
        state="draining" if moving else server.state,
        cordoned=server.cordoned,
        memory=server.memory,
        sessions=sessions,
        pipelines=server.pipelines if server.state == "up" else None,
        server_id=server.server_id if server.state == "up" else None,
        detail="Its sessions stay until another media server is up and not cordoned." if stuck else "",
    )
