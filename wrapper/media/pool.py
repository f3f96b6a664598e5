"""Sockets to every media server of the pool, also to those that are registered while we run."""

import asyncio

from callplane.contracts.errors import Away
from callplane.store.media_servers import MediaServers
from callplane.telemetry.logs import logger
from wrapper.media.server import Ears, MediaServer, opened_server

LOOK_SECONDS = 2.0


class Pool:
    """Keeps one MediaServer per document of the pool; ``servers`` is what the media port acts on."""

    def __init__(self, wrapper: str, documents: MediaServers, ears: Ears) -> None:
        self.servers: dict[str, MediaServer] = {}
        self._wrapper = wrapper
        self._documents = documents
        self._ears = ears
        self._log = logger("pool")

    async def register(self, servers: dict[str, str]) -> None:
        """Make the servers of the settings known. Raises Away."""
        for name, url in servers.items():
            await self._documents.register(name, url)

    async def run(self) -> None:
        """Open what is new, until cancelled; a server that left the pool keeps its socket until we end."""
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    for document in await self._documents.all():
                        if document.name not in self.servers:
                            opened = asyncio.Event()
                            group.create_task(self._keep(document.name, document.url, opened))
                            await opened.wait()
                except Away as away:
                    self._log.warning("the pool cannot be read", why=str(away))
                await asyncio.sleep(LOOK_SECONDS)

    async def _keep(self, name: str, url: str, opened: asyncio.Event) -> None:
        async with opened_server(name, url, self._documents, self._ears) as server:
            self.servers[name] = server
            opened.set()
            try:
                await server.run(self._wrapper)
            finally:
                del self.servers[name]
