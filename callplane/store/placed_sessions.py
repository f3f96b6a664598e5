"""Placed sessions: which are on which media server, and which have lost theirs."""

from collections.abc import Collection, Mapping

from callplane.contracts.ids import SessionId
from callplane.contracts.media import MediaRef
from callplane.store.decoding import page, readable
from callplane.store.documents import SessionDocument
from callplane.store.filters import lost_from, placed_on
from callplane.store.mongo.media_codec import media_ref
from callplane.store.versioned_updates import OutboxRepository


class PlacedSessions(OutboxRepository[SessionDocument]):
    """What sweeps ask of sessions that have a pipeline."""

    async def on_servers_lost(
        self, servers: Mapping[str, str | None], limit: int = 100, *, among: Collection[SessionId] | None = None
    ) -> list[SessionDocument]:
        """Open sessions whose pipeline none has that is up, of this pool (None: down); ``among``: of these alone."""
        where = lost_from(servers) if among is None else {"_id": {"$in": sorted(among)}, **lost_from(servers)}
        return await page(SessionDocument, where, self._collection, limit=limit)

    async def ids_on_servers_lost(self, servers: Mapping[str, str | None], limit: int = 10_000) -> list[SessionId]:
        """The ids of those that are found alike, which may be shared out before anybody reads them."""
        found = await self._collection.find(lost_from(servers), {"_id": 1}).limit(limit).to_list()
        return [SessionId(one["_id"]) for one in found if isinstance(one["_id"], str)]

    async def on_server(self, server: str, limit: int) -> list[SessionDocument]:
        """Some of the open sessions that have their pipeline there."""
        found = await self._collection.find(placed_on(server)).limit(limit).to_list()
        return readable(SessionDocument, found, self._collection)

    async def pipelines(self) -> list[MediaRef]:
        """Every session's pipeline, also of those that were just closed."""
        found = self._collection.find({"media": {"$ne": None}}, {"media": 1})
        refs = [media_ref(session["media"]) async for session in found]
        return [ref for ref in refs if isinstance(ref, MediaRef)]

    async def pipelines_among(self, refs: list[MediaRef]) -> set[MediaRef]:
        """Those of ``refs`` that a session names as its pipeline."""
        found = self._collection.find({"media": {"$in": refs}}, {"media": 1})
        return {media_ref(session["media"]) async for session in found}
