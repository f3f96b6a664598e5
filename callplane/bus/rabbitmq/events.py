"""Events on RabbitMQ: a durable topic exchange, and durable queues that are consumed in batches."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiormq import Channel

from callplane.bus.event_ports import PREFETCH, ReceivedEvent, Take
from callplane.bus.rabbitmq.arguments import EVENTS, arguments_of
from callplane.bus.rabbitmq.connection import AmqpConnection, answered, close_channel, raw_channel
from callplane.bus.rabbitmq.content_channel import ContentChannel, Delivered
from callplane.bus.rabbitmq.errors import as_unavailable
from callplane.bus.rabbitmq.frames import Address
from callplane.bus.rabbitmq.publisher import AmqpMessage, Publisher
from callplane.bus.rabbitmq.topology import declare_permanent
from callplane.concurrency import alongside, forever
from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.events import CloudEvent
from callplane.telemetry.logs import logger

log = logger("events")

SINGLE = {"x-single-active-consumer": True}

KIND = "application/cloudevents+json"
PAUSE = 1.0
"""Seconds until what could not be taken is given again."""


class RabbitEvents:
    """The EventBus port."""

    def __init__(self, consuming: AmqpConnection, publisher: Publisher) -> None:
        self._connection = consuming
        self._publisher = publisher

    async def publish(self, events: Sequence[CloudEvent]) -> None:
        """Over the channel of their session, so that they keep their order."""
        if events:
            messages = [
                (AmqpMessage(event.body(), event.id, kind=event.type), Address(EVENTS, event.routing_key, False))
                for event in events
            ]
            await self._publisher.publish_each(messages, key=events[0].sessionid or events[0].id)

    async def depth(self, queue: str) -> int:
        """Asked on a channel of its own, for a queue that is not there ends it."""
        channel = await self._connection.channel(confirms=False)
        try:
            with as_unavailable("counting events"):
                raw = await raw_channel(channel)
                found = await answered(raw.queue_declare(queue, passive=True), self._connection.timings.call)
                return found.message_count or 0
        finally:
            await close_channel(channel, self._connection.timings.close)

    @asynccontextmanager
    async def consuming(
        self, queue: str, take: Take, *, keys: Sequence[str] = ("#",), single: bool = False
    ) -> AsyncIterator[None]:
        """Consume, and again after each loss of the channel, for as long as the block runs."""
        arguments = {**arguments_of(queue), **(SINGLE if single else {})}
        consumer = _Consumer(self._connection, _Queue(queue, tuple(keys), arguments), take)
        async with alongside(forever(f"events {queue}", consumer.run)):
            yield


@dataclass(frozen=True, slots=True)
class _Queue:
    name: str
    keys: tuple[str, ...]
    arguments: dict[str, Any]


class _Consumer:
    def __init__(self, connection: AmqpConnection, queue: _Queue, take: Take) -> None:
        self._connection = connection
        self._queue = queue
        self._take = take

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._connection.wait_up()
                await self._consume()
            except (Unavailable, Trouble) as error:
                log.info("events not consumed", queue=self._queue.name, error=str(error))
            await asyncio.sleep(PAUSE)

    async def _consume(self) -> None:
        """On one channel, until it ends or a batch could not be taken: its end gives back what was not acknowledged."""
        waiting: asyncio.Queue[Delivered] = asyncio.Queue(PREFETCH)
        channel = await self._connection.channel(confirms=False)
        ended = asyncio.ensure_future(channel.closed())
        try:
            with as_unavailable("consuming events"):
                raw = await raw_channel(channel)
                # The queue is gone, or its node is, and the channel stays: it is declared and consumed again.
                raw.on_consumer_cancel_callbacks.add(lambda _: ended.cancel())
                await self._declare(raw)
                await answered(raw.basic_qos(prefetch_count=PREFETCH), self._connection.timings.call)
                content = self._connection.content(raw)
                consuming = content.consume(self._queue.name, partial(_put, waiting))
                await answered(consuming, self._connection.timings.call)
            while await self._take_batch(content, waiting, ended):
                pass
        finally:
            ended.cancel()
            await close_channel(channel, self._connection.timings.close)

    async def _declare(self, channel: Channel) -> None:
        await declare_permanent(channel, self._connection)
        await answered(
            channel.queue_declare(self._queue.name, durable=True, arguments=self._queue.arguments),
            self._connection.timings.call,
        )
        for key in self._queue.keys:
            binding = channel.queue_bind(self._queue.name, EVENTS, routing_key=key)
            await answered(binding, self._connection.timings.call)

    async def _take_batch(
        self, channel: ContentChannel, waiting: asyncio.Queue[Delivered], ended: asyncio.Future[Any]
    ) -> bool:
        """Take what is there; False when the channel, or the consumer, is over."""
        first = asyncio.ensure_future(waiting.get())
        try:
            await asyncio.wait((first, ended), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not first.done():
                first.cancel()
        if ended.done():
            return False
        batch = [first.result()]
        while not waiting.empty():
            batch.append(waiting.get_nowait())
        await self._take([_received(message) for message in batch])
        with as_unavailable("acknowledging events"):
            channel.ack(batch[-1].delivery_tag, multiple=True)
        return True


def _put(waiting: asyncio.Queue[Delivered], message: Delivered) -> None:
    waiting.put_nowait(message)  # no more than the prefetch are under way


def _received(message: Delivered) -> ReceivedEvent:
    return ReceivedEvent(message.properties.message_id or "", message.routing_key, message.body)
