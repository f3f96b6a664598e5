"""Mailbox bus on RabbitMQ: opens the two connections of a link, and ends it when either is over."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import aiormq
from yarl import URL

from callplane.bus.mailbox_ports import PREFETCH, LinkLost, OnPodMessage
from callplane.bus.ports import Unroutable
from callplane.bus.rabbitmq.content_channel import ContentChannel, Delivered
from callplane.bus.rabbitmq.errors import as_unavailable
from callplane.bus.rabbitmq.mailbox_link import CHANNELS, LinkChannels, RabbitLink, open_channel
from callplane.bus.rabbitmq.transport import Socket
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import new_id

HEARTBEAT = 4
"""Seconds; a paused consumer's messages were redelivered after 11 s at 4, and after 29 s at 10 (measured)."""

CONNECT_WITHIN = 5.0
CLOSE_WITHIN = 3.0
LETTERS_KEPT = 10_000


class RabbitMailboxes:
    """Makes links to one broker."""

    def __init__(self, url: str, pod: str = "pod") -> None:
        self._url = url
        self._pod = pod

    @asynccontextmanager
    async def connect(self, on_message: OnPodMessage) -> AsyncIterator[RabbitLink]:
        """Two connections, for RabbitMQ stops reading from one that publishes when it runs short of memory.

        They are aiormq's own rather than aio_pika's robust ones: those declare again whatever they ever consumed,
        one by one, and would bring back mailboxes that others have taken (design 4).
        """
        async with AsyncExitStack() as stack:
            try:
                with as_unavailable("no link for mailboxes"):
                    async with asyncio.timeout(CONNECT_WITHIN):
                        link = await self._open(stack, on_message)
                        await link.post(link.queue, b"")
            except (LinkLost, Unroutable) as failure:
                raise Unavailable(f"no link for mailboxes: {failure!r}") from failure
            try:
                yield link
            finally:
                await link.flush()
                link.end("closed")

    async def _open(self, stack: AsyncExitStack, on_message: OnPodMessage) -> RabbitLink:
        queue = f"pod.{self._pod}.{new_id()}"
        consuming, read = await self._connection(stack, "mailboxes")
        publishing, written = await self._connection(stack, "letters")
        channels = LinkChannels(
            connection=consuming,
            reading=[ContentChannel(await _reading(consuming), read) for _ in range(CHANNELS)],
            pod_queue=await open_channel(consuming),
            posting=ContentChannel(await open_channel(publishing, confirms=True), written),
        )
        link = RabbitLink(queue, channels)
        with_content = [channel.raw for channel in (*channels.reading, channels.posting)]
        for part in (consuming, publishing, *with_content, channels.pod_queue):
            part.closing.add_done_callback(lambda _: link.end("a connection or channel is over"))
        channels.pod_queue.on_consumer_cancel_callbacks.add(lambda _: link.end("the queue for letters is gone"))
        await channels.pod_queue.queue_declare(
            queue, exclusive=True, arguments={"x-max-length": LETTERS_KEPT, "x-overflow": "reject-publish"}
        )

        def hand_on(message: Delivered) -> None:
            if message.body:
                on_message(message.body)

        await ContentChannel(channels.pod_queue, read).consume(queue, hand_on, no_ack=True)
        return link

    async def _connection(self, stack: AsyncExitStack, purpose: str) -> tuple[aiormq.Connection, Socket]:
        url = URL(self._url).update_query(heartbeat=str(HEARTBEAT), name=f"{self._pod} {purpose}")
        socket = Socket(secure=url.scheme == "amqps")
        connection: aiormq.Connection = await aiormq.connect(url, transport_factory=socket)
        stack.push_async_callback(_close, connection)
        return connection, socket


async def _reading(connection: aiormq.Connection) -> aiormq.Channel:
    channel = await open_channel(connection)
    await channel.basic_qos(prefetch_count=PREFETCH)
    return channel


async def _close(connection: aiormq.Connection) -> None:
    with suppress(Unavailable), as_unavailable("closing a link"):
        async with asyncio.timeout(CLOSE_WITHIN):
            await connection.close()
