"""One leased monitor per media server releases what carries our tags and nothing refers to (design 7)."""

from callplane.contracts.media import MediaRef
from callplane.telemetry.logs import logger
from kurento_client import ClientError
from wrapper.context import Context
from wrapper.media.pool import Pool
from wrapper.media.server import MediaServer


class Monitor:
    """Counts on every media server whose lease it holds; a paused handler's claim is taken away before its endpoint."""

    def __init__(self, context: Context, pool: Pool, deployment: str, orphan_seconds: float) -> None:
        self._context = context
        self._pool = pool
        self._deployment = deployment
        self._age = orphan_seconds
        self._log = logger("monitor")

    async def sweep(self) -> None:
        """Look at every media server that is ours to look at."""
        for server in list(self._pool.servers.values()):
            if not server.house.connected:
                continue
            if not await self._context.store.servers.monitor(server.name, self._context.wrapper):
                server.census.end()
                continue
            try:
                await server.census.begin()
                await self._context.store.servers.counted(server.name, self._context.wrapper, server.census.pipelines)
                await self._look(server)
            except ClientError as trouble:
                self._log.info("not looked at", server=server.name, why=str(trouble))

    async def _look(self, server: MediaServer) -> None:
        ours = await server.census.older_than(self._age, self._deployment)
        refs = {id_: MediaRef(server.name, id_) for id_ in ours}
        wanted = await self._context.store.sessions.pipelines_among(list(refs.values()))
        wanted |= await self._context.store.connections.endpoints_among(list(refs.values()))
        for id_, tags in ours.items():
            if refs[id_] not in wanted:
                await self._release(server, refs[id_], tags)

    async def _release(self, server: MediaServer, ref: MediaRef, tags: dict[str, str]) -> None:
        connections = self._context.store.connections
        if "connection" in tags:
            await connections.take_away(tags["connection"], int(tags.get("claim", "0")))
            if await connections.endpoints_among([ref]):
                return
        self._log.warning("orphan released", server=server.name, object=ref.id, **tags)
        self._context.metrics.ghost("object")
        await server.census.release(ref.id)
