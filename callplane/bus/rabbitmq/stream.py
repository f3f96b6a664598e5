"""Stream on RabbitMQ: a queue of type ``stream``, read by AMQP 0-9-1 with ``x-stream-offset``, without its plugin.

Such a consumer needs a prefetch and acknowledgements, which take nothing out of the stream but let more come. RabbitMQ
keeps no place for it: where to begin is the reader's to say. It reads from the copy of the node that it is connected
to, and is refused (406) where that has none.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from aio_pika.exceptions import ChannelPreconditionFailed

from callplane.bus.event_ports import PREFETCH, ReceivedEvent
from callplane.bus.names import EVENT_STREAM
from callplane.bus.rabbitmq.connection import Timings, answered, open_connection, raw_channel
from callplane.bus.rabbitmq.content_channel import ContentChannel, Delivered
from callplane.bus.rabbitmq.errors import as_missing, as_unavailable
from callplane.bus.rabbitmq.topology import declare_permanent
from callplane.bus.stream_ports import Start, StreamBounds, StreamedEvent
from callplane.contracts.errors import Trouble, Unavailable

OFFSET = "x-stream-offset"
"""An argument of consumers, and a header of what they are given."""


class RabbitStream:
    """The EventStream port. Each reader has a connection of its own, so that a slow one holds up nobody else."""

    def __init__(self, url: str, name: str, timings: Timings, bounds: StreamBounds | None) -> None:
        self._url = url
        self._role = f"{name}-stream"
        self._timings = timings
        self._bounds = bounds

    @asynccontextmanager
    async def reading(self, start: Start) -> AsyncIterator["RabbitReader"]:
        """Read from there."""
        if self._bounds is None:
            raise Unavailable("no stream of events is kept")
        async with open_connection(self._url, self._role, self._timings, stream=self._bounds) as connection:
            await connection.wait_up(self._timings.connect)
            channel = await connection.channel(confirms=False)
            raw = await raw_channel(channel)
            content = connection.content(raw)
            reader = RabbitReader(content)
            raw.closing.add_done_callback(reader.end)
            with as_unavailable("reading the stream"):
                await declare_permanent(raw, connection)
                await self._consume(content, reader, start)
            yield reader

    async def _consume(self, content: ContentChannel, reader: "RabbitReader", start: Start) -> None:
        channel, within = content.raw, self._timings.call
        channel.on_consumer_cancel_callbacks.add(reader.end)
        await answered(channel.basic_qos(prefetch_count=PREFETCH), within)
        consuming = content.consume(EVENT_STREAM, reader.put, arguments={OFFSET: start})
        try:
            async with as_missing("reading the stream", lambda: channel):
                await answered(consuming, within)
        except (Trouble, ChannelPreconditionFailed) as failure:
            raise Unavailable(f"reading the stream: {str(failure)[:200]}") from None


class RabbitReader:
    """The StreamReader port, on a channel that is its own."""

    def __init__(self, channel: ContentChannel) -> None:
        self._channel = channel
        self._waiting: deque[Delivered] = deque()
        """What has come and was not given, no more than the prefetch."""
        self._is_over = False
        """Whether the channel is over, the stream was deleted, or its copy here is gone."""
        self._changed = asyncio.Event()
        """Set when one of both is otherwise."""
        self._given = 0
        """The delivery that was given last and is not acknowledged."""

    async def batch(self, within: float) -> Sequence[StreamedEvent]:
        """What comes next."""
        if self._given:
            with as_unavailable("reading the stream"):
                self._channel.ack(self._given, multiple=True)
            self._given = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while not (self._waiting or self._is_over):
                    self._changed.clear()
                    await self._changed.wait()
        if self._waiting:
            batch = list(self._waiting)
            self._waiting.clear()
            self._given = batch[-1].delivery_tag
            return [_streamed(one) for one in batch]
        if self._is_over:
            raise Unavailable("reading the stream: it ended")
        return ()

    def put(self, message: Delivered) -> None:
        """One has come."""
        self._waiting.append(message)
        self._changed.set()

    def end(self, _why: object) -> None:
        """The channel is over, or RabbitMQ has ended the consumer."""
        self._is_over = True
        self._changed.set()


def _streamed(message: Delivered) -> StreamedEvent:
    properties = message.properties
    offset = properties.headers.get(OFFSET)
    event = ReceivedEvent(properties.message_id or "", message.routing_key, message.body)
    return StreamedEvent(offset if isinstance(offset, int) else 0, event)
