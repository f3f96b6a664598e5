"""One address for all ready pods: each new connection goes to one of them by chance, and stays there (kube-proxy)."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

CONNECT_SECONDS = 3.0

Address = tuple[str, int]


class _End(asyncio.Protocol):
    """One side of a connection; what comes in here goes out there, no faster than the other side takes it."""

    def __init__(self, other: "_End | None" = None) -> None:
        self.other = other
        self.ended = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """Half a connection is over: the other half goes on until its own end."""
        self.ended = True
        if self.other is None or self.other.transport is None or self.other.ended:
            return False
        if not self.other.transport.is_closing():
            self.other.transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None and not self.other.transport.is_closing():
            self.other.transport.resume_reading()


class Service:
    """The address, and the pods behind it."""

    def __init__(self, connecting: asyncio.TaskGroup) -> None:
        self._connecting = connecting
        self.endpoints: set[Address] = set()
        self.refused = 0
        """Connections that met no pod, or one that was not there any more."""
        self.url = ""

    def accept(self) -> asyncio.Protocol:
        """What the listening socket makes of each connection."""
        return _Front(self)

    async def connect(self, front: _End) -> None:
        """Take a connection to a pod; a failure is a reset, as a node's kernel answers it."""
        assert front.transport is not None
        back = _End(front)
        front.other = back
        try:
            host, port = random.choice(sorted(self.endpoints))
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.get_running_loop().create_connection(lambda: back, host, port)
        except (IndexError, OSError, TimeoutError):
            self.refused += 1
            front.transport.abort()
        else:
            if front.transport.is_closing() and back.transport is not None:
                back.transport.close()
            else:
                front.transport.resume_reading()

    def begin(self, front: _End) -> None:
        """Start connecting."""
        self._connecting.create_task(self.connect(front))


class _Front(_End):
    """The client's side: reads nothing before there is somebody to give it to."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service = service

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport is not None
        self.transport.pause_reading()
        self._service.begin(self)


@asynccontextmanager
async def service() -> AsyncIterator[Service]:
    """A Service without endpoints for the block, on a free port of this machine."""
    async with asyncio.TaskGroup() as connecting:
        made = Service(connecting)
        server = await asyncio.get_running_loop().create_server(made.accept, "127.0.0.1", 0)
        made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield made
        finally:
            server.close()
