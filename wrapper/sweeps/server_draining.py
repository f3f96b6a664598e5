"""Server draining: moves sessions off a media server as if it were lost, at a bounded pace (design 7.1)."""

import asyncio

from wrapper.context import Context

TURN_SECONDS = 1.0


class ServerDraining:
    """Every wrapper sweeps; a turn per server and second keeps the pace however many they are."""

    def __init__(self, context: Context, per_second: int) -> None:
        self._context = context
        self._per_second = per_second

    async def sweep(self) -> None:
        """Move what a second allows, off each server whose turn is won here."""
        servers, sessions = self._context.store.servers, self._context.store.sessions
        for server in await servers.all():
            if not server.draining or not await sessions.on_server(server.name, limit=1):
                continue
            if await servers.has_room_elsewhere(server.name) and await servers.claim_turn(server.name, TURN_SECONDS):
                await self._move(server.name)

    async def _move(self, server: str) -> None:
        """Spread over the turn: everybody in a session that is moved negotiates again at once."""
        store = self._context.store
        for session in await store.sessions.on_server(server, limit=self._per_second):
            # Asked each time: a call that is taken off the last server has none, and the order may be taken back.
            if not await store.servers.has_room_elsewhere(server) or not await store.servers.is_draining(server):
                return
            self._context.follow_ups.schedule(await store.media.lose(session, "media-server-drained"))
            await asyncio.sleep(TURN_SECONDS / self._per_second)
