"""Hints on RabbitMQ: transient publications without confirms, and one queue per pod that is bound to its sessions."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress

import aiormq
from aio_pika.abc import AbstractChannel
from yarl import URL

from callplane.bus.hint_ports import UNSENT_AT_MOST, OnHint
from callplane.bus.mailbox_ports import LinkLost
from callplane.bus.names import HINTS_KEPT
from callplane.bus.rabbitmq.arguments import CLASSIC, MESSAGES
from callplane.bus.rabbitmq.connection import (
    AmqpConnection,
    Timings,
    answered,
    close_channel,
    open_connection,
    raw_channel,
)
from callplane.bus.rabbitmq.content_channel import ContentChannel, Delivered
from callplane.bus.rabbitmq.errors import as_unavailable
from callplane.bus.rabbitmq.frames import TRANSIENT, Address
from callplane.bus.rabbitmq.mailbox_link import open_channel
from callplane.bus.rabbitmq.transport import Socket
from callplane.concurrency import alongside, forever
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import SessionId, new_id
from callplane.telemetry.logs import logger

CONNECT_WITHIN = 5.0
ANSWER_WITHIN = 5.0
SEND_WITHIN = 2.0
"""Seconds until a socket that takes nothing counts as blocked: what waited is dropped."""

TOGETHER = 64
"""How many are given to the socket before it is asked whether it takes more."""

_ARGUMENTS = {**CLASSIC, "x-max-length": HINTS_KEPT, "x-overflow": "drop-head"}


class RabbitHintSender:
    """The HintSender port: what is to be sent waits in order for one task, which sends it."""

    def __init__(self, connection: AmqpConnection) -> None:
        self._connection = connection
        self._unsent: deque[tuple[SessionId, bytes]] = deque()
        """What waits to be sent, the oldest first."""
        self._bytes = 0
        """How long that is."""
        self._waiting = asyncio.Event()
        """Set while something waits."""
        self.dropped = 0
        """Hints that were not sent, since the beginning."""

    def send(self, session_id: SessionId, hint: bytes) -> None:
        """Send one soon, in order; dropped while the broker is away or does not keep up."""
        if not self._connection.up() or self._bytes + len(hint) > UNSENT_AT_MOST:
            self.dropped += 1
            return
        self._unsent.append((session_id, hint))
        self._bytes += len(hint)
        self._waiting.set()

    async def run(self) -> None:
        """Send until cancelled; a connection that is lost takes with it what waited."""
        timings = self._connection.timings
        channel: AbstractChannel | None = None
        while True:
            try:
                with as_unavailable("sending hints"):
                    channel = await self._connection.channel(confirms=False)
                    raw = await raw_channel(channel)
                    await raw.exchange_declare(MESSAGES, exchange_type="direct", durable=True)
                    content = self._connection.content(raw)
                    while True:
                        await self._waiting.wait()
                        await self._send_all(content)
            except (Unavailable, TimeoutError):
                self._drop_all()
                await close_channel(channel, timings.close)
                await asyncio.sleep(timings.first_pause)

    async def _send_all(self, channel: ContentChannel) -> None:
        while self._unsent:
            for _ in range(min(len(self._unsent), TOGETHER)):
                session_id, hint = self._unsent.popleft()
                self._bytes -= len(hint)
                channel.publish(Address(MESSAGES, session_id, mandatory=False), TRANSIENT, hint)
            async with asyncio.timeout(SEND_WITHIN):
                await channel.drain()
        self._waiting.clear()

    def _drop_all(self) -> None:
        self.dropped += len(self._unsent)
        self._unsent.clear()
        self._bytes = 0
        self._waiting.clear()


class RabbitHintLink:
    """The HintLink port: one channel for everything, so that binding and unbinding stay in the order of the calls."""

    def __init__(self, queue: str, channel: aiormq.Channel) -> None:
        self.queue = queue
        self.ended = asyncio.Event()
        self._channel = channel

    def end(self, why: str) -> None:
        """It is over; whoever opened it closes the connection."""
        if not self.ended.is_set():
            logger("hints").info("link ended", queue=self.queue, why=why)
            self.ended.set()

    async def bind(self, session_id: SessionId) -> None:
        """From the return on, hints of the session come."""
        with self._ending_link("bound hints"):
            await answered(self._channel.queue_bind(self.queue, MESSAGES, session_id), ANSWER_WITHIN)

    async def unbind(self, session_id: SessionId) -> None:
        """No more of them are wanted."""
        with self._ending_link("unbound hints"):
            await answered(self._channel.queue_unbind(self.queue, MESSAGES, session_id), ANSWER_WITHIN)

    @contextmanager
    def _ending_link(self, doing: str) -> Iterator[None]:
        if self.ended.is_set():
            raise LinkLost(self.queue)
        try:
            with as_unavailable(doing):
                yield
        except (Unavailable, TimeoutError) as failure:
            self.end(str(failure))
            raise LinkLost(self.queue) from failure


class RabbitHints:
    """The HintBus port on one broker; ``name`` says whose connections these are."""

    def __init__(self, url: str, name: str, timings: Timings | None = None) -> None:
        self._url = url
        self._name = name
        self._timings = timings or Timings()

    @asynccontextmanager
    async def sender(self) -> AsyncIterator[RabbitHintSender]:
        """Its connection is its own: one that the broker blocks stops no command."""
        async with open_connection(self._url, f"{self._name}-hints", self._timings) as connection:
            sender = RabbitHintSender(connection)
            async with alongside(forever("hints", sender.run)):
                yield sender

    @asynccontextmanager
    async def connect(self, on_hint: OnHint) -> AsyncIterator[RabbitHintLink]:
        """A queue of its own, exclusive: it goes with the connection, and so do its bindings."""
        async with AsyncExitStack() as stack:
            with as_unavailable("no link for hints"):
                async with asyncio.timeout(CONNECT_WITHIN):
                    link = await self._open(stack, on_hint)
            try:
                yield link
            finally:
                link.end("closed")

    async def _open(self, stack: AsyncExitStack, on_hint: OnHint) -> RabbitHintLink:
        url = URL(self._url).update_query(heartbeat=str(self._timings.heartbeat), name=f"{self._name} reading hints")
        socket = Socket(secure=url.scheme == "amqps")
        connection: aiormq.Connection = await aiormq.connect(url, transport_factory=socket)
        stack.push_async_callback(self._close, connection)
        channel = await open_channel(connection)
        link = RabbitHintLink(f"hints.{self._name}.{new_id()}", channel)
        for part in (connection, channel):
            part.closing.add_done_callback(lambda _: link.end("its connection or channel is over"))
        await channel.exchange_declare(MESSAGES, exchange_type="direct", durable=True)
        await channel.queue_declare(link.queue, exclusive=True, arguments=_ARGUMENTS)

        def hand_on(message: Delivered) -> None:
            if not link.ended.is_set():
                on_hint(message.body)

        await ContentChannel(channel, socket).consume(link.queue, hand_on, no_ack=True)
        return link

    async def _close(self, connection: aiormq.Connection) -> None:
        with suppress(Unavailable), as_unavailable("closing a link for hints"):
            async with asyncio.timeout(self._timings.close):
                await connection.close()
