"""Pool: keeps sockets to every media server, also to those that are registered or removed while we run."""

import asyncio

from callplane.contracts.errors import Trouble, Unavailable
from callplane.store.media_servers import MediaServers
from callplane.telemetry.failures import frames, words
from callplane.telemetry.logs import logger
from wrapper.media.instrumentation import Timed, observed
from wrapper.media.server import MediaServer, ServerCallbacks, opened_server

LOOK_SECONDS = 2.0


class Pool:
    """Keeps one MediaServer per document of the pool; ``servers`` is what the media port acts on."""

    def __init__(self, wrapper: str, documents: MediaServers, timed: Timed) -> None:
        self.servers: dict[str, MediaServer] = {}
        """Name → the way to it, connected or not; changes while the pool runs."""
        self._kept: dict[tuple[str, str], asyncio.Task[None]] = {}
        """Name and address → the task that keeps its sockets."""
        self._gone: set[str] = set()
        """Names that have left the pool, or their address, and of which nobody has been told yet."""
        self._wrapper = wrapper
        self._documents = documents
        self._timed = timed
        self._log = logger("pool")

    async def register(self, servers: dict[str, str]) -> None:
        """Make the servers of the settings known. Raises Unavailable."""
        for name, url in servers.items():
            if not await self._documents.configure(name, url):
                self._log.warning("not used: an operator has removed it, and may add it again", server=name, url=url)

    async def run(self, callbacks: ServerCallbacks) -> None:
        """Open what is new and close what was removed or has moved to another address, until cancelled."""
        self._kept.clear()  # they ended with the run before this one
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    documents = await self._documents.all()
                    for document in documents:
                        if document.name in self.servers:
                            self.servers[document.name].known = document
                    wanted = {(document.name, document.url) for document in documents}
                    await self._close(self._kept.keys() - wanted)
                    for name, url in wanted - self._kept.keys():
                        self._kept[name, url] = group.create_task(self._keep(name, url, callbacks))
                    await self._tell_gone(callbacks)
                except (Unavailable, Trouble) as trouble:
                    self._log.warning("the pool cannot be read", why=str(trouble))
                except Exception as failure:  # the sockets that there are must not pay for it
                    self._log.error("the pool is looked at again", why=words(failure), frames=frames(failure))
                await asyncio.sleep(LOOK_SECONDS)

    async def _close(self, unwanted: set[tuple[str, str]]) -> None:
        """Back when they are closed: one that has moved is opened under the same name."""
        tasks = [self._kept.pop(which) for which in unwanted]
        self._gone.update(name for name, _ in unwanted)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _tell_gone(self, callbacks: ServerCallbacks) -> None:
        """Each is told until it was heard: the database may be away just then."""
        for name in sorted(self._gone):
            await callbacks.removed(name)
            self._gone.discard(name)

    async def _keep(self, name: str, url: str, callbacks: ServerCallbacks) -> None:
        """Keep one; an address that nothing can be done with costs its own server only."""
        while True:
            try:
                around = observed(name, self._timed)
                async with opened_server((name, url), self._documents, callbacks, around) as server:
                    self.servers[name] = server
                    try:
                        await server.run(self._wrapper)
                    finally:
                        del self.servers[name]
            except Exception as failure:
                # Said again at each attempt, so without its frames.
                self._log.error("a media server cannot be kept", server=name, why=words(failure))
            await asyncio.sleep(LOOK_SECONDS)
