"""Command sender: commands out, replies back, the API's side."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from aio_pika.abc import AbstractChannel

from callplane.bus.names import WRAPPER, is_shard, queues_of
from callplane.bus.pending_replies import PendingReplies
from callplane.bus.ports import Unroutable
from callplane.bus.rabbitmq.arguments import ATTEMPT_HEADER, CLASSIC, TRACE_HEADER
from callplane.bus.rabbitmq.connection import AmqpConnection, answered, raw_channel
from callplane.bus.rabbitmq.content_channel import Delivered
from callplane.bus.rabbitmq.errors import as_unavailable
from callplane.bus.rabbitmq.frames import Address
from callplane.bus.rabbitmq.publisher import AmqpMessage, Publisher
from callplane.concurrency import alongside, forever
from callplane.contracts.commands import Envelope
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import SessionId
from callplane.contracts.replies import Reply
from callplane.telemetry.commands import publishing
from callplane.telemetry.logs import logger

log = logger("bus")


class RabbitSender:
    """The Sender port: one exclusive reply queue per process, a future per command that waits."""

    def __init__(self, connection: AmqpConnection, publisher: Publisher) -> None:
        self._connection = connection
        self._publisher = publisher
        self._reply_to = ""
        self._ready = asyncio.Event()
        self._cancelled = asyncio.Event()
        self._pending = PendingReplies()

    async def send(self, envelope: Envelope, *, wait: float) -> Reply | None:
        """Publish and wait for the reply; None: accepted, but nobody answered in time."""
        await self._replies_ready()
        clock = asyncio.get_running_loop().time
        end = clock() + wait
        with self._pending.waiter(envelope.id) as pending:
            await self._publish(envelope, self._reply_to)
            await pending.wait_until(end)
            while pending.is_lost and pending.reply is None and clock() < end:
                # The reply would go to a queue that died with its connection: asked again under the same id.
                with suppress(Unavailable, Unroutable):
                    await self._replies_ready()
                    pending.is_lost = False
                    await self._publish(envelope, self._reply_to)
                await pending.wait_until(end)
            return pending.reply

    async def post(self, envelope: Envelope) -> None:
        """Publish without asking for a reply; back as soon as the broker has confirmed."""
        await self._publish(envelope, None)

    async def run(self) -> None:
        """Keep a reply queue consumed until cancelled; a new connection gets a new queue."""
        while True:
            try:
                await self._connection.wait_up()
                channel = await self._consume()
            except Unavailable as error:
                log.info("no reply queue", error=str(error))
                await asyncio.sleep(self._connection.timings.first_pause)
                continue
            try:
                await self._until_ended(channel)
            finally:
                self._ready.clear()
                self._pending.lost()

    async def _until_ended(self, channel: AbstractChannel) -> None:
        """Wait until the channel ends, or its consumer alone: the queue is gone, and its node maybe."""
        cancelled = asyncio.ensure_future(self._cancelled.wait())
        closed = asyncio.ensure_future(channel.closed())
        try:
            await asyncio.wait((cancelled, closed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            cancelled.cancel()
            closed.cancel()
        if not channel.is_closed:
            with suppress(Unavailable), as_unavailable("leaving a reply queue that is gone"):
                async with asyncio.timeout(self._connection.timings.close):
                    await channel.close()

    async def _consume(self) -> AbstractChannel:
        channel = await self._connection.channel(confirms=False)
        self._cancelled = asyncio.Event()
        with as_unavailable("opening the reply queue"):
            raw = await raw_channel(channel)
            raw.on_consumer_cancel_callbacks.add(partial(_set, self._cancelled))
            # Named by the broker: declaring an exclusive name again races with the end of the old connection.
            asking = raw.queue_declare("", exclusive=True, arguments=CLASSIC)
            declared = await answered(asking, self._connection.timings.call)
            self._reply_to = declared.queue or ""
            consuming = self._connection.content(raw).consume(self._reply_to, self._on_reply, no_ack=True)
            await answered(consuming, self._connection.timings.call)
        self._ready.set()
        return channel

    async def _replies_ready(self) -> None:
        if not self._ready.is_set():
            if not self._connection.up():
                await self._connection.wait_up(self._connection.timings.confirm)
            try:
                async with asyncio.timeout(self._connection.timings.confirm):
                    await self._ready.wait()
            except TimeoutError:
                raise Unavailable("no reply queue") from None

    async def _publish(self, envelope: Envelope, reply_to: str | None) -> None:
        with publishing(envelope) as carried:
            await self._hand_over(carried, reply_to)

    async def _hand_over(self, envelope: Envelope, reply_to: str | None) -> None:
        headers: dict[str, str | int] = {ATTEMPT_HEADER: 1}
        if envelope.traceparent:
            headers[TRACE_HEADER] = envelope.traceparent
        message = AmqpMessage(
            body=envelope.model_dump_json().encode(),
            message_id=envelope.id,
            headers=headers,
            correlation_id=envelope.id,
            reply_to=reply_to,
            kind=envelope.name,
        )
        queues = self._queues(envelope)
        for number, queue in enumerate(queues, 1):
            with suppress(*([Unroutable] if number < len(queues) else [])):
                await self._hand_to(queue, message, envelope.session_id)
                return

    def _queues(self, envelope: Envelope) -> list[str]:
        """Of those that sessions share the one of our own setting first; all else are the other's, if there is one."""
        named = []
        for queue in queues_of(envelope):
            shared = queue == WRAPPER or is_shard(queue)
            named += [self._connection.named(queue), self._connection.other(queue)] if shared else [queue]
        return named

    async def _hand_to(self, queue: str, message: AmqpMessage, session_id: SessionId) -> None:
        address = Address("", queue, mandatory=True)
        try:
            await self._publisher.publish(message, address, key=session_id)
        except Unavailable:
            # Unknown whether it arrived. Once more under the same id: a repeated command has one effect.
            await self._publisher.publish(message, address, key=session_id)

    def _on_reply(self, message: Delivered) -> None:
        self._pending.answered(message.body)


def _set(event: asyncio.Event, _frame: object) -> None:
    event.set()


@asynccontextmanager
async def open_sender(connection: AmqpConnection, publisher: Publisher) -> AsyncIterator[RabbitSender]:
    """Keep the reply queue for as long as the block runs."""
    sender = RabbitSender(connection, publisher)
    async with alongside(forever("replies", sender.run)):
        yield sender
