"""AMQP connection: comes back by itself, and no more; what was declared or consumed on it is its users'.

aio-pika's robust connection is not used: it declares again everything it ever declared, one call at a time, and so
brings deleted queues back.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

import aio_pika
import aiormq
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import CONNECTION_EXCEPTIONS

from callplane.bus.names import twin_of
from callplane.bus.rabbitmq.content_channel import ContentChannel
from callplane.bus.rabbitmq.errors import as_unavailable
from callplane.bus.rabbitmq.transport import Socket
from callplane.bus.stream_ports import StreamBounds
from callplane.concurrency import alongside, forever
from callplane.contracts.errors import Unavailable
from callplane.telemetry.logs import logger

log = logger("bus")

T = TypeVar("T")

# Ten, where aiormq leaves it: a frame that waits for room would be written behind the answer to a close of its channel,
# which does not wait for room, or is lost where there is none.
aiormq.Connection.FRAME_BUFFER_SIZE = 4096


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds: how long to wait for the broker, and how fast to come back to it."""

    heartbeat: int = 4
    connect: float = 4.0
    call: float = 5.0
    confirm: float = 2.0
    close: float = 0.5
    first_pause: float = 0.1
    longest_pause: float = 2.0
    steady: float = 5.0


class AmqpConnection:
    """The connection of one role. Publishing and consuming have one each: the broker blocks publishers on alarms."""

    def __init__(
        self, url: str, role: str, timings: Timings, *, quorum: bool = False, stream: StreamBounds | None = None
    ) -> None:
        self._url = aio_pika.connection.make_url(url, heartbeat=timings.heartbeat, name=role)
        self._role = role
        self.timings = timings
        self.quorum = quorum
        """Whether the twins of queues that sessions share are used, which are replicated."""
        self.stream = stream
        """What the stream of events keeps; None: none is declared here."""
        self._connection: aio_pika.Connection | None = None
        """The present one; None between two."""
        self._socket: Socket | None = None
        """That of the present one, or of the last."""
        self._up = asyncio.Event()
        """Set while it stands, as far as is known."""
        self._ended = asyncio.Event()
        """Set when the present one is over, or is to be; each has an event of its own."""
        self._down_since = asyncio.get_running_loop().time()
        """The loop's time of the last loss, or of the beginning."""
        self._preparing = asyncio.Lock()
        """Held while the present one is prepared."""
        self._prepared = False
        """Whether that was done."""

    def named(self, queue: str) -> str:
        """What a queue that sessions share is called where it is used: itself, or its twin."""
        return twin_of(queue) if self.quorum else queue

    def other(self, queue: str) -> str:
        """What it is called by those with the other setting."""
        return queue if self.quorum else twin_of(queue)

    def up(self) -> bool:
        """Whether the connection stands, as far as is known."""
        return self._up.is_set()

    async def wait_up(self, within: float | None = None) -> None:
        """Back once the connection stands; raises Unavailable after ``within`` seconds."""
        try:
            async with asyncio.timeout(within):
                await self._up.wait()
        except TimeoutError:
            raise Unavailable(f"no connection to the broker for {self._role}") from None

    async def channel(self, *, confirms: bool) -> AbstractChannel:
        """A new channel; right after a loss it waits for the connection, later it raises Unavailable at once."""
        down = asyncio.get_running_loop().time() - self._down_since
        await self.wait_up(None if self.up() else max(0.0, self.timings.confirm - down))
        connection = self._connection
        if connection is None:
            raise Unavailable(f"no connection to the broker for {self._role}")
        with as_unavailable("opening a channel"):
            async with asyncio.timeout(self.timings.call):
                # Without on_return_raises an unroutable publish would look like a success.
                channel = connection.channel(publisher_confirms=confirms, on_return_raises=confirms)
                await channel.initialize()
        return channel

    def content(self, channel: aiormq.Channel) -> ContentChannel:
        """What takes and writes the messages of a channel of the present connection. Raises Unavailable."""
        connection = self._connection
        if connection is None or connection.transport is None or self._socket is None:
            raise Unavailable(f"no connection to the broker for {self._role}")
        if channel.connection is not connection.transport.connection:
            raise Unavailable(f"the connection of {self._role} is another by now")
        return ContentChannel(channel, self._socket)

    async def prepare_once(self, prepare: Callable[[], Awaitable[None]]) -> None:
        """Prepare the connection before its first use: whoever comes second waits, whoever comes later does not."""
        async with self._preparing:
            if not self._prepared:
                await prepare()
                self._prepared = True

    def drop(self) -> None:
        """End the connection now, with all that is on it; it comes back by itself."""
        self._ended.set()

    async def run(self) -> None:
        """Keep connected until cancelled."""
        loop = asyncio.get_running_loop()
        pause = self.timings.first_pause
        while True:
            began = loop.time()
            try:
                await self._connect_once()
            except Unavailable as error:
                log.info("broker not reached", role=self._role, error=str(error), again_in=round(pause, 2))
            if loop.time() - began > self.timings.steady:
                pause = self.timings.first_pause
            # Jitter: after a restart of the broker not everybody may knock at once.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, self.timings.longest_pause)

    async def _connect_once(self) -> None:
        sock = Socket(secure=self._url.scheme == "amqps")
        connection = await self._connect(sock)
        try:
            self._socket = sock
            await self._until_ended(connection)
        finally:
            await self._disconnect(connection, sock)

    async def _connect(self, sock: Socket) -> aio_pika.Connection:
        connection = aio_pika.Connection(self._url)
        connection.kwargs["transport_factory"] = sock
        ended = self._ended = asyncio.Event()
        connection.close_callbacks.add(lambda *_: ended.set())
        try:
            with as_unavailable("connecting"):
                async with asyncio.timeout(self.timings.connect):
                    await connection.connect()
        except BaseException:
            sock.cut()
            await self._close(connection, sock)
            raise
        return connection

    async def _until_ended(self, connection: aio_pika.Connection) -> None:
        self._connection = connection
        self._prepared = False
        self._up.set()
        log.info("broker connected", role=self._role)
        await self._ended.wait()

    async def _disconnect(self, connection: aio_pika.Connection, sock: Socket) -> None:
        self._connection = None
        self._up.clear()
        self._down_since = asyncio.get_running_loop().time()
        log.info("broker connection ended", role=self._role)
        await self._close(connection, sock)

    async def _close(self, connection: aio_pika.Connection, sock: Socket) -> None:
        with suppress(TimeoutError, *CONNECTION_EXCEPTIONS):
            async with asyncio.timeout(self.timings.close):
                await connection.close()
        sock.cut()
        # Without a socket this only marks it as closed; else aio-pika would close it again when it is collected, in
        # whatever thread that happens.
        await connection.close()


async def close_channel(channel: AbstractChannel | aiormq.Channel | None, within: float) -> None:
    """Close a channel on which something failed, so that nobody takes it for a whole one.

    One whose call was given up is marked by aiormq, and counts as open until the broker answers; closing ends that.
    """
    if channel is not None and not channel.is_closed:
        with suppress(TimeoutError, *CONNECTION_EXCEPTIONS):
            async with asyncio.timeout(within):
                await channel.close()


async def answered(call: Awaitable[T], within: float) -> T:
    """What the broker answers to a call on a channel below aio-pika's. Raises TimeoutError.

    Not by aiormq's own ``timeout``, which has each frame put by a task of its own: where the broker closes the channel
    in that moment, the frame would be written behind the answer to that, and end the connection (504, measured).
    """
    async with asyncio.timeout(within):
        return await call


async def raw_channel(channel: AbstractChannel) -> aiormq.Channel:
    """The channel below aio-pika's: only there are calls without an answer, and the word of a cancelled consumer."""
    raw = await channel.get_underlay_channel()
    if not isinstance(raw, aiormq.Channel):
        raise TypeError(f"not a channel of aiormq: {raw!r}")
    return raw


@asynccontextmanager
async def open_connection(
    url: str, role: str, timings: Timings, *, quorum: bool = False, stream: StreamBounds | None = None
) -> AsyncIterator[AmqpConnection]:
    """Keep a connection for as long as the block runs; it may not stand yet when the block begins."""
    connection = AmqpConnection(url, role, timings, quorum=quorum, stream=stream)
    async with alongside(forever(f"connection {role}", connection.run)):
        yield connection
