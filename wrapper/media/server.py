"""One media server: a socket for calls and one for housekeeping, and what happens to them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from callplane.contracts.errors import Away, Trouble
from callplane.store.media_servers import MediaServers
from callplane.telemetry.logs import logger
from kurento_client import AttemptFailed, ClientError, Connected, KurentoClient, Lost, connect
from kurento_client.events import MediaEvent

SILENT_SECONDS = 2.0
MEMORY_SECONDS = 2.0

OnEvent = Callable[[str, MediaEvent], Awaitable[None]]
OnBack = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Ears:
    """Who is told: of each event, and that a socket came back to the same process (events in between are lost)."""

    event: OnEvent
    back: OnBack


class MediaServer:
    """The way to one media server, kept up until cancelled; the pool is told what this wrapper sees."""

    def __init__(self, name: str, clients: tuple[KurentoClient, KurentoClient], pool: MediaServers, ears: Ears) -> None:
        self.name = name
        self._calls, self._house = clients
        self._pool = pool
        self._ears = ears
        self._log = logger("media").bind(server=name)

    @property
    def client(self) -> KurentoClient:
        """The client for calls. Raises Trouble while it is not connected."""
        if not self._calls.connected:
            raise Trouble(f"media server {self.name} is not reached from here")
        return self._calls

    @property
    def connected(self) -> bool:
        """Whether calls would be sent now."""
        return self._calls.connected

    async def run(self, wrapper: str) -> None:
        """Watch the link, read memory, hand events on."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch(wrapper))
            group.create_task(self._measure())
            group.create_task(self._listen())

    async def _watch(self, wrapper: str) -> None:
        async for state in self._calls.states:
            try:
                await self._say(state, wrapper)
            except Away as away:
                self._log.warning("the pool could not be told", why=str(away))

    async def _say(self, state: Connected | Lost | AttemptFailed, wrapper: str) -> None:
        match state:
            case Connected():
                await self._pool.reached(self.name, wrapper, state.server_id)
                self._log.info("media server reached", server_id=state.server_id, same=state.same_process)
                if state.same_process:
                    await self._ears.back(self.name)
            case Lost():
                self._log.warning("media server lost", why=state.reason)
            case AttemptFailed() if state.refused or state.down_for >= SILENT_SECONDS:
                if await self._pool.unreached(self.name, wrapper):
                    self._log.error("media server is down", why=state.reason)
            case AttemptFailed():
                pass

    async def _measure(self) -> None:
        """Keep the pool's idea of the memory fresh; blocking calls (getUsedCpu) are never made."""
        while True:
            await asyncio.sleep(MEMORY_SECONDS)
            if not self._house.connected:
                continue
            try:
                await self._pool.measured(self.name, await self._house.server_manager().get_used_memory())
            except (ClientError, Away) as trouble:
                self._log.info("memory not read", why=str(trouble))

    async def _listen(self) -> None:
        async for event in self._calls.events:
            await self._ears.event(self.name, event)


@asynccontextmanager
async def opened_server(name: str, url: str, pool: MediaServers, ears: Ears) -> AsyncIterator[MediaServer]:
    """Open both sockets; enters at once, connected or not."""
    async with connect(url) as calls, connect(url) as house:
        yield MediaServer(name, (calls, house), pool, ears)
