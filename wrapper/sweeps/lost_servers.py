"""Lost servers: counts the epoch on of sessions whose media server is down or has become another process."""

import random

from callplane.store.documents import SessionDocument
from callplane.store.media_servers import MediaServerDocument
from wrapper.context import Context
from wrapper.sweeps.items import Items

LEASE = "lost servers"
LOST_LIMIT = 100
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
        """Lose the media of every such session, and hasten what waits for a media server."""
        store = self._context.store
        pool = await store.servers.all()
        await self._make_due(pool)
        processes = {s.name: None if s.state == "down" else s.server_id for s in pool}
        found = None
        while found is None or len(found) == LOST_LIMIT:
            found = await store.sessions.on_servers_lost(processes, LOST_LIMIT)
            random.shuffle(found)  # each wrapper begins with others
            lost = 0

            async def lose(session: SessionDocument) -> None:
                nonlocal lost
                self._context.follow_ups.schedule(await store.media.lose(session, "media-server-lost"))
                lost += 1

            await self._items.each({session.id: session for session in found}, lose)
            if not lost:
                return

    async def _make_due(self, pool: list[MediaServerDocument]) -> None:
        """A server that was not there, or took no sessions, when something was put off for that."""
        there = {(s.name, s.server_id) for s in pool if s.state == "up"}
        there |= {(s.name, "open") for s in pool if s.state == "up" and not s.cordoned}
        if there - self._there:
            await self._context.store.sessions.make_due(WAIT_FOR_SERVERS)
        self._there = there
