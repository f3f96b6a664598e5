"""Media server: keeps a socket for calls and one for housekeeping, and tells what happens to them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from callplane.concurrency import forever, until_done
from callplane.contracts.errors import Trouble, Unavailable
from callplane.store.media_servers import MediaServerDocument, MediaServers
from callplane.telemetry.logs import logger
from kurento_client import (
    Around,
    AttemptFailed,
    ClientError,
    Connected,
    ConnectionChange,
    KurentoClient,
    Lost,
    Options,
    connect,
)
from kurento_client.events import MediaEvent
from wrapper.media.call_slots import CallSlots
from wrapper.media.census import Census
from wrapper.media.port import Unreached

SILENT_SECONDS = 2.0
AGAIN_SECONDS = 1.0
MEMORY_SECONDS = 2.0

OnEvent = Callable[[str, MediaEvent], Awaitable[None]]
OnChange = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ServerCallbacks:
    """Called with each event, when a socket is there (again), when none can be had, when we are cut off while others
    are not, and when a server has left the pool."""

    event: OnEvent
    back: OnChange
    alone: OnChange
    cut_off: OnChange
    removed: OnChange


class MediaServer:
    """The way to one media server, kept up until cancelled; the pool is told what this wrapper sees."""

    def __init__(
        self, name: str, clients: tuple[KurentoClient, KurentoClient], pool: MediaServers, callbacks: ServerCallbacks
    ) -> None:
        self.name = name
        self._calls, self.housekeeping = clients
        self.census = Census(self.housekeeping)
        self.measured = False
        """Whether its memory is ours to read: one wrapper does it for all."""
        self.known: MediaServerDocument | None = None
        """What the pool last said of it."""
        self._pool = pool
        self._callbacks = callbacks
        self._state: ConnectionChange | None = None
        """The newest state of the socket for calls."""
        self._news = asyncio.Event()
        """Set while the newest state has not been acted upon."""
        self._log = logger("media").bind(server=name)

    @property
    def client(self) -> KurentoClient:
        """The client for calls. Raises Unreached while it is not connected."""
        if not self._calls.connected:
            raise Unreached(self.name)
        return self._calls

    @property
    def connected(self) -> bool:
        """Whether calls would be sent now."""
        return self._calls.connected

    async def run(self, wrapper: str) -> None:
        """Watch the link, read memory, hand events on: what one of them meets does not cost the others the sockets."""
        async with asyncio.TaskGroup() as group:
            group.create_task(forever(f"reach {self.name}", partial(self._act, wrapper)))
            for work in (self._watch, partial(self._measure, wrapper), self._listen, self._count, self._recount):
                group.create_task(until_done(f"media server {self.name}", work))

    async def _watch(self) -> None:
        """Read the link's states; the newest is what there is to act on, whatever becomes of those before it."""
        async for state in self._calls.states:
            if isinstance(state, Lost):
                self._log.warning("media server lost", why=state.reason)
            self._state = state
            self._news.set()

    async def _act(self, wrapper: str) -> None:
        """Act on the newest state until that is done, or another has come: nobody says it a second time.

        The database may be away just when a socket comes back, for one network carries both.
        """
        while True:
            await self._news.wait()
            state = self._state
            try:
                await self._say(state, wrapper)
            except (Unavailable, Trouble) as trouble:
                self._log.warning("the pool could not be told", why=str(trouble))
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            if state is self._state:
                self._news.clear()

    async def _say(self, state: ConnectionChange | None, wrapper: str) -> None:
        match state:
            case Connected():
                await self._pool.mark_reached(self.name, wrapper, state.server_id)
                self._log.info("media server reached", server_id=state.server_id, same=state.same_process)
                await self._callbacks.back(self.name)
            case AttemptFailed() if state.refused or state.down_for >= SILENT_SECONDS:
                await self._callbacks.alone(self.name)
                if await self._pool.mark_unreached(self.name, wrapper, refused=state.refused):
                    self._log.error("media server is down", why=state.reason)
                else:
                    await self._callbacks.cut_off(self.name)
            case _:
                pass

    async def _measure(self, wrapper: str) -> None:
        """Keep the pool's idea of the memory fresh, and of us: a lease that lapsed took us out of the contacts.

        Blocking calls (getUsedCpu) are never made.
        """
        while True:
            await asyncio.sleep(MEMORY_SECONDS)
            if not self.housekeeping.connected:
                continue
            try:
                process = self._calls.server_id
                if self._calls.connected and process is not None and not self._said(wrapper, process):
                    await self._pool.mark_reached(self.name, wrapper, process)
            except (Unavailable, Trouble) as trouble:
                self._log.info("not said to be reached", why=str(trouble))
            if self.measured:
                await self._read_memory()

    def _said(self, wrapper: str, process: str) -> bool:
        """Whether the pool knows that we reach it, as it was read a moment ago."""
        known = self.known
        return known is not None and known.state == "up" and known.server_id == process and wrapper in known.contacts

    async def _read_memory(self) -> None:
        try:
            began = await self._pool.begin_reading(self.name)
            memory = await self.housekeeping.server_manager().get_used_memory()
            await self._pool.set_memory(self.name, memory, began)
        except (ClientError, Unavailable, Trouble) as trouble:
            self._log.info("memory not read", why=str(trouble))

    async def _count(self) -> None:
        async for event in self.housekeeping.events:
            self.census.take(event)

    async def _recount(self) -> None:
        """What happened while the socket was away was told to nobody: the count begins anew.

        The memory is read at once: a process that nothing is known of looks empty, and would get every new session.
        """
        async for state in self.housekeeping.states:
            if isinstance(state, Connected):
                self.census.end()
                await self._read_memory()

    async def _listen(self) -> None:
        async for event in self._calls.events:
            await self._callbacks.event(self.name, event)


@asynccontextmanager
async def opened_server(
    which: tuple[str, str], pool: MediaServers, callbacks: ServerCallbacks, around: Around
) -> AsyncIterator[MediaServer]:
    """Open both sockets to the server of this name and URL; enters at once, connected or not."""
    name, url = which
    bounded, housekept = Options(around=around, slot=CallSlots(name).slot), Options(around=around)
    async with connect(url, bounded) as calls, connect(url, housekept) as housekeeping:
        yield MediaServer(name, (calls, housekeeping), pool, callbacks)
