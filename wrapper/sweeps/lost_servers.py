"""Lost servers: counts the epoch on of sessions whose media server is down or has become another process."""

import asyncio
import random

from callplane.contracts.ids import SessionId
from callplane.store.documents import SessionDocument
from callplane.store.media_servers import MediaServerDocument
from wrapper.context import Context
from wrapper.sweeps.items import Items
from wrapper.sweeps.shares import shares

LEASE = "lost servers"
LOST_LIMIT = 100
OTHERS_SECONDS = 0.5
"""Whoever has done nothing of its share for so long is not counted upon."""
SLACK_SECONDS = 2.0
"""So much later others take up what is owed: hundreds of sessions at once are done in a second or two, but not by
those who do each other's part as well."""
WAIT_FOR_SERVERS = ("place", "release-lost-pipeline")
"""Chores that wait for a media server."""


class LostServers:
    """Compares the pool with where the sessions are."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._items = Items(LEASE, context.metrics)
        self._there: set[tuple[str, str | None]] = set()
        """The processes that were up when the pool was last read, and the servers that took sessions."""

    async def sweep(self) -> None:
        """Lose the media of every such session, and hasten what waits for a media server.

        Living wrappers share them: each loses its own, then those of whoever has not begun. None is left: in the end
        one does all of it, and what that cannot do either is found again a second later.
        """
        me = self._context.wrapper
        pool = await self._context.store.servers.all()
        await self._make_due(pool)
        lost = await self._lost(pool)
        acting = {me}
        if lost:
            acting |= await self._context.store.wrappers.alive()
        while lost:
            shared = shares(sorted(lost), acting)
            await self._lose(shared[me], pool)
            if len(shared[me]) < len(lost):
                await asyncio.sleep(OTHERS_SECONDS)
            left = await self._lost(pool)
            idle = {wrapper for wrapper, share in shared.items() if share and left.issuperset(share)} - {me}
            if left == lost and not idle:
                return
            lost, acting = left, acting - idle

    async def _lost(self, pool: list[MediaServerDocument]) -> set[SessionId]:
        return set(await self._context.store.sessions.ids_on_servers_lost(_processes(pool)))

    async def _lose(self, ids: list[SessionId], pool: list[MediaServerDocument]) -> None:
        store = self._context.store
        known = {server.name: server.server_id for server in pool}
        random.shuffle(ids)  # two rounds of one wrapper may be about the same

        async def lose(session: SessionDocument) -> None:
            # The pool still has that very process where it is silent: it may wake up with the pipeline in it.
            silent = session.server is not None and known.get(session.server) == session.server_id
            self._context.follow_ups.schedule(
                await store.media.lose(session, "media-server-lost", pipeline_lives=silent, slack=SLACK_SECONDS)
            )

        for start in range(0, len(ids), LOST_LIMIT):
            some = ids[start : start + LOST_LIMIT]
            found = await store.sessions.on_servers_lost(_processes(pool), LOST_LIMIT, among=some)
            await self._items.each({session.id: session for session in found}, lose)

    async def _make_due(self, pool: list[MediaServerDocument]) -> None:
        """A server that was not there, or took no sessions, when something was put off for that."""
        there = {(s.name, s.server_id) for s in pool if s.state == "up"}
        there |= {(s.name, "open") for s in pool if s.state == "up" and not s.cordoned}
        if there - self._there:
            await self._context.store.sessions.make_due(WAIT_FOR_SERVERS)
        self._there = there


def _processes(pool: list[MediaServerDocument]) -> dict[str, str | None]:
    """Server → the process that is up there; None while it is down."""
    return {server.name: None if server.state == "down" else server.server_id for server in pool}
