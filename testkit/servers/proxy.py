"""A TCP proxy in the test's own loop, so that one link between two processes can be reset or go silent.

In front of several servers it is what a Kubernetes Service is: each connection goes to one that takes it.
"""

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

CHUNK = 65_536
CONNECT_SECONDS = 3.0

Pair = tuple[asyncio.StreamWriter, asyncio.StreamWriter]


@dataclass
class Proxy:
    """Carries every connection made to ``port`` on to one of ``targets`` on this machine."""

    targets: tuple[int, ...]
    port: int = 0
    renamed: dict[bytes, bytes] = field(default_factory=dict)
    """What to put in place of some words of the targets, each as long as what it stands for."""
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _pairs: set[Pair] = field(default_factory=set)

    @property
    def connections(self) -> int:
        """How many connections are carried now."""
        return len(self._pairs)

    def reset(self) -> int:
        """Cut every connection as a router does that has lost its table: both ends get a RST. How many there were."""
        pairs = list(self._pairs)
        for pair in pairs:
            for writer in pair:
                _abort(writer)
        return len(pairs)

    def silence(self) -> None:
        """Carry nothing any more: bytes, ends and new connections wait, and neither side hears why."""
        self._open.clear()

    def heal(self) -> None:
        """Carry on; what waited arrives now, as TCP would send it again."""
        self._open.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until one side ends it."""
        try:
            await self._open.wait()
            inward, outward = await self._connected()
            await self._carry(reader, writer, (inward, outward))
        except (OSError, TimeoutError):
            _abort(writer)  # the nearest thing to the refusal that the target itself would have given
        finally:
            writer.close()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        *most, last = random.sample(self.targets, len(self.targets))
        async with asyncio.timeout(CONNECT_SECONDS):
            for target in most:
                with contextlib.suppress(OSError):
                    return await asyncio.open_connection("127.0.0.1", target)
            return await asyncio.open_connection("127.0.0.1", last)

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        target: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        inward, outward = target
        pair = (writer, outward)
        self._pairs.add(pair)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, outward, {}))
                group.create_task(self._pump(inward, writer, self.renamed))
        finally:
            self._pairs.discard(pair)
            outward.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, renamed: dict[bytes, bytes]
    ) -> None:
        kept = b""
        try:
            while chunk := await reader.read(CHUNK):
                await self._open.wait()
                ready, kept = _rename(kept + chunk, renamed)
                writer.write(ready)
                await writer.drain()
            await self._open.wait()
            writer.write(kept)
            writer.write_eof()
        except OSError:
            await self._open.wait()
            _abort(writer)


@contextlib.asynccontextmanager
async def proxies() -> AsyncIterator[Callable[..., Awaitable[Proxy]]]:
    """For the block: a way to open proxies, each in front of one port of this machine, or of some."""
    servers: list[asyncio.Server] = []
    serving: set[asyncio.Task[None]] = set()
    async with asyncio.TaskGroup() as group:

        async def opened(*targets: int) -> Proxy:
            made = Proxy(targets)
            made.heal()

            def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                task = group.create_task(made.serve(reader, writer))
                serving.add(task)
                task.add_done_callback(serving.discard)

            server = await asyncio.start_server(accept, "127.0.0.1", 0)
            servers.append(server)
            made.port = server.sockets[0].getsockname()[1]
            return made

        try:
            yield opened
        finally:
            for server in servers:
                server.close()
            for task in serving:
                task.cancel()
    await asyncio.sleep(0)  # transports close their sockets in the next turn of the loop


def _rename(data: bytes, renamed: dict[bytes, bytes]) -> tuple[bytes, bytes]:
    """The data with words put in place of others, and its end when that may be the beginning of such a word."""
    for word, other in renamed.items():
        data = data.replace(word, other)
    for length in range(min(len(data), max(map(len, renamed), default=1) - 1), 0, -1):
        if any(word.startswith(data[-length:]) for word in renamed):
            return data[:-length], data[-length:]
    return data, b""


def _abort(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        # Closing with a linger time of zero sends RST instead of FIN (socket(7), SO_LINGER).
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
