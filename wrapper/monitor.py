"""One leased monitor per media server releases what carries our tags and nothing refers to (design 7)."""

import asyncio

from callplane.contracts.errors import Away
from callplane.contracts.media import MediaRef
from callplane.telemetry.logs import logger
from kurento_client import ClientError
from wrapper.context import Context
from wrapper.media.pool import Pool
from wrapper.media.server import MediaServer

AGAIN_SECONDS = 5.0
AT_ONCE = 8


class Monitor:
    """Counts on every media server whose lease it holds; a paused handler's claim is taken away before its endpoint."""

    def __init__(self, context: Context, pool: Pool, deployment: str, orphan_seconds: float) -> None:
        self._context = context
        self._pool = pool
        self._deployment = deployment
        self._age = orphan_seconds
        self._suspects: dict[str, dict[str, float]] = {}
        """Server → object → when it was first found that nobody refers to it (the loop's time)."""
        self._log = logger("monitor")

    async def sweep(self) -> None:
        """Look at every media server that is ours to look at, side by side: one that hangs keeps no other's lease."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def visit(server: MediaServer) -> None:
            async with gate:
                try:
                    await self._visit(server)
                except (ClientError, Away) as trouble:
                    self._log.info("not looked at", server=server.name, why=str(trouble))
                except Exception:  # what one server says keeps nobody from looking at the others
                    self._log.exception("a media server could not be looked at", server=server.name)

        async with asyncio.TaskGroup() as group:
            for server in list(self._pool.servers.values()):
                if server.house.connected:
                    group.create_task(visit(server))

    async def _visit(self, server: MediaServer) -> None:
        if not await self._context.store.servers.monitor(server.name, self._context.wrapper):
            server.census.end()
            self._suspects.pop(server.name, None)
            return
        await server.census.begin()
        await self._context.store.servers.counted(server.name, self._context.wrapper, server.census.pipelines)
        await self._look(server)

    async def _look(self, server: MediaServer) -> None:
        """What nobody refers to in two looks some seconds apart: who releases writes that down first, and acts then."""
        ours = await server.census.older_than(self._age, self._deployment)
        refs = {id_: MediaRef(server.name, id_) for id_ in ours}
        wanted = await self._context.store.sessions.pipelines_among(list(refs.values()))
        wanted |= await self._context.store.connections.endpoints_among(list(refs.values()))
        now, before = asyncio.get_running_loop().time(), self._suspects.get(server.name, {})
        since = {id_: before.get(id_, now) for id_ in ours if refs[id_] not in wanted}
        self._suspects[server.name] = since
        for id_, first in since.items():
            if now - first >= min(AGAIN_SECONDS, self._age):
                await self._release(server, refs[id_], ours[id_])

    async def _release(self, server: MediaServer, ref: MediaRef, tags: dict[str, str]) -> None:
        connections = self._context.store.connections
        if "connection" in tags:
            await connections.take_away(tags["connection"], int(tags.get("claim", "0")))
            if await connections.endpoints_among([ref]):
                return
        self._log.warning("orphan released", server=server.name, object=ref.id, **tags)
        self._context.metrics.ghost("object")
        await server.census.release(ref.id)
