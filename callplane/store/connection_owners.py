"""Connection owners: which wrapper subscribes to and reconciles a ready connection; adopted when it dies."""

import secrets
from collections.abc import Iterable

from callplane.contracts.ids import ConnectionId
from callplane.store.decoding import page
from callplane.store.documents import ConnectionDocument
from callplane.store.mongo.database import Database, Document


class ConnectionOwners:
    """Guarded updates of ``owner``, and who owns what."""

    def __init__(self, database: Database) -> None:
        self._collection = database["connections"]

    async def owned_by(self, owner: str, server: str | None = None) -> list[ConnectionDocument]:
        """What a wrapper owns, on one media server or on all."""
        found = await self._all({"owner": owner, "state": "ready"})
        return [c for c in found if server is None or (c.endpoint is not None and c.endpoint.server == server)]

    async def adopt(self, connection: ConnectionDocument, wrapper: str) -> bool:
        """Take over a ready connection from the owner it was read with; False: it has another by now, or has ended."""
        return await self._hand_over(connection.id, connection.owner, wrapper)

    async def disown(self, connection_id: ConnectionId, wrapper: str) -> None:
        """Give a ready connection up, so that another wrapper adopts it at once."""
        await self._hand_over(connection_id, wrapper, None)

    async def orphans(self, alive: Iterable[str], limit: int = 2_000) -> list[ConnectionDocument]:
        """Ready connections whose owner is none of ``alive``; of one with more than that others each time.

        Those on a media server that the caller does not reach stay, and must not hide the others.
        """
        living, found = set(alive), list[ConnectionDocument]()
        owners = await self._collection.distinct("owner", {"state": "ready"})
        for owner in (owner for owner in owners if owner not in living):
            somewhere = f"{secrets.randbelow(16):x}"
            for ids in ({"$gte": somewhere}, {"$lt": somewhere}):
                where = {"state": "ready", "owner": owner, "_id": ids}
                found += await self._all(where, limit) if len(found) < limit else []
        return found

    async def _hand_over(self, connection_id: ConnectionId, before: str | None, after: str | None) -> bool:
        where = {"_id": connection_id, "state": "ready", "owner": before}
        return (await self._collection.update_one(where, {"$set": {"owner": after}})).matched_count == 1

    async def _all(self, where: Document, limit: int = 0) -> list[ConnectionDocument]:
        return await page(ConnectionDocument, where, self._collection, limit=limit)
