"""Orphan sweep: releases what carries our tags and nothing refers to, one wrapper for each media server (design 7)."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from callplane.contracts.ids import ConnectionId
from callplane.contracts.media import MediaRef
from callplane.telemetry.logs import logger
from kurento_client import ClientError
from wrapper.context import Context
from wrapper.media.pool import Pool
from wrapper.media.server import MediaServer
from wrapper.sweeps.items import Items

AGAIN_SECONDS = 5.0
REFERRED_SECONDS = 30.0
AT_ONCE = 8

Mine = Callable[[str], Awaitable[bool]]
"""Whether a duty is this wrapper's."""


async def _everybody(_duty: str) -> bool:
    return True


class OrphanSweep:
    """Counts on every media server whose lease it holds; a paused handler's claim is taken away before its endpoint."""

    def __init__(self, context: Context, pool: Pool, deployment: str, orphan_seconds: float) -> None:
        self._context = context
        self._pool = pool
        self._deployment = deployment
        self._age = orphan_seconds
        self._suspects: dict[str, dict[str, float]] = {}
        """Server → object → when it was first found that nobody refers to it (the loop's time)."""
        self._referred: dict[str, dict[str, float]] = {}
        """Server → object → when something was last found that refers to it."""
        self._items = Items("monitor", context.metrics, at_once=AT_ONCE)
        self._log = logger("monitor")

    async def sweep(self, mine: Mine = _everybody) -> None:
        """Look at every media server that is ours to look at, side by side: one that hangs keeps no other's lease."""
        servers = {server.name: server for server in self._pool.servers.values() if server.housekeeping.connected}
        for left in self._suspects.keys() - servers.keys():
            self._forget(left)
        await self._items.each(servers, partial(self._visit, mine))

    async def _visit(self, mine: Mine, server: MediaServer) -> None:
        store, me = self._context.store.servers, self._context.wrapper
        server.measured = await mine(f"monitor {server.name}") and await store.claim_monitor(server.name, me)
        if not server.measured:
            server.census.end()
            self._forget(server.name)
            return
        try:
            await server.census.begin()
            await store.set_pipeline_count(server.name, me, server.census.pipelines)
            await self._look(server)
        except ClientError as trouble:
            self._log.info("not looked at", server=server.name, why=str(trouble))

    async def _look(self, server: MediaServer) -> None:
        """What nobody refers to in two looks some seconds apart: who releases writes that down first, and acts then.

        What was referred to a moment ago is not asked for again each second: there may be thousands.
        """
        ours = await server.census.older_than(self._age, self._deployment)
        now, before = asyncio.get_running_loop().time(), self._suspects.get(server.name, {})
        recent = {
            id_: at
            for id_, at in self._referred.get(server.name, {}).items()
            if id_ in ours and now - at < min(REFERRED_SECONDS, self._age)
        }
        refs = {id_: MediaRef(server.name, id_) for id_ in ours if id_ not in recent}
        wanted = await self._context.store.sessions.pipelines_among(list(refs.values()))
        wanted |= await self._context.store.connections.endpoints_among(list(refs.values()))
        self._referred[server.name] = recent | {id_: now for id_, ref in refs.items() if ref in wanted}
        since = {id_: before.get(id_, now) for id_, ref in refs.items() if ref not in wanted}
        self._suspects[server.name] = since
        for id_, first in since.items():
            if now - first >= min(AGAIN_SECONDS, self._age):
                await self._release(server, refs[id_], ours[id_])

    def _forget(self, server: str) -> None:
        self._suspects.pop(server, None)
        self._referred.pop(server, None)

    async def _release(self, server: MediaServer, ref: MediaRef, tags: dict[str, str]) -> None:
        connections = self._context.store.connections
        if "connection" in tags:
            await connections.revoke_claim(ConnectionId(tags["connection"]), int(tags.get("claim", "0")))
            if await connections.endpoints_among([ref]):
                return
        self._log.warning("orphan released", server=server.name, object=ref.id, **tags)
        self._context.metrics.ghost("object")
        await server.census.release(ref.id)
