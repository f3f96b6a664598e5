"""Settlement: what the outcome policy has decided, done on RabbitMQ."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from aiormq.exceptions import ChannelInvalidStateError

from callplane.bus.consuming.delivery import RawDelivery
from callplane.bus.names import RETRY_DELAY, server_of
from callplane.bus.ports import Unroutable
from callplane.bus.rabbitmq.arguments import (
    ATTEMPT_HEADER,
    DEAD_LETTERS,
    RETRY,
    SERVER_HEADER,
    SERVERS,
    TRACE_HEADER,
)
from callplane.bus.rabbitmq.connection import AmqpConnection
from callplane.bus.rabbitmq.content_channel import Delivered
from callplane.bus.rabbitmq.frames import Address
from callplane.bus.rabbitmq.publisher import AmqpMessage, Publisher
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import CommandId, new_id
from callplane.contracts.replies import Answer

REASON_HEADER = "reason"
FAILED_HEADER = "failed-at"
QUEUE_HEADER = "queue"
"""What a dead letter says of itself, beside its attempt."""

REPLY_PATIENCE = 8.0
"""Seconds: the caller waits no longer than that for a reply (design 3.5)."""


def raw_delivery(queue: str, message: Delivered) -> RawDelivery:
    """Read what the outcome policy needs from a delivery; headers that are missing or odd get their defaults.

    What was passed on is taken as if from the queue that it came from, which is its routing key: there it goes back to.
    """
    if server_of(queue) is not None:
        queue = message.routing_key or queue
    properties = message.properties
    headers = properties.headers
    attempt = headers.get(ATTEMPT_HEADER)
    trace, reason = headers.get(TRACE_HEADER), headers.get(REASON_HEADER)
    return RawDelivery(
        body=message.body,
        queue=queue,
        command_id=CommandId(properties.correlation_id or properties.message_id or ""),
        attempt=attempt if isinstance(attempt, int) and attempt > 0 else 1,
        redelivered=message.redelivered,
        reply_to=properties.reply_to or None,
        traceparent=trace if isinstance(trace, str) else None,
        handle=message,
        reason=reason if isinstance(reason, str) else None,
    )


class RabbitSettlement:
    """The Settlement port: publishes by the publishing connection, acks on the channel that delivered.

    A publish that fails is tried again for as long as the delivery can still be acked: once its channel is gone the
    broker redelivers it anyway.
    """

    def __init__(self, connection: AmqpConnection, publisher: Publisher) -> None:
        self._connection = connection
        self._publisher = publisher

    async def reply(self, received: RawDelivery, reply: Answer) -> None:
        """Answer on the caller's reply queue; a caller that is gone is no error."""
        if received.reply_to is None:
            return
        message = AmqpMessage(
            body=reply.encoded(),
            message_id=reply.command_id,
            correlation_id=reply.command_id,
            persistent=False,
        )
        try:
            async with asyncio.timeout(REPLY_PATIENCE):
                await self._publish_while_held(received, message, Address("", received.reply_to, mandatory=False))
        except TimeoutError:
            return

    async def republish(self, received: RawDelivery, attempt: int, *, later: bool) -> None:
        """Publish once more: to the queue itself, or to where it waits a second before it goes there."""
        await self._put_back(received, _copy(received, attempt), later=later)

    async def pass_on(self, received: RawDelivery, server: str) -> None:
        """Publish once more, to those who reach the media server; to its queue later, where there are none."""
        copy = _copy(received, received.attempt)
        passed = replace(copy, headers={**(copy.headers or {}), SERVER_HEADER: server})
        if not await self._publish_while_held(received, passed, Address(SERVERS, received.queue, mandatory=True)):
            await self._put_back(received, copy, later=True)

    async def dead_letter(self, received: RawDelivery, reason: str) -> None:
        """Put it among the dead letters with the reason, the attempt, the time and its queue as headers.

        While their node is down it goes back to its own queue with the reason, and is buried by whoever has it next.
        """
        message = _copy(received, received.attempt)
        headers: dict[str, str | int] = {
            **(message.headers or {}),
            REASON_HEADER: reason,
            FAILED_HEADER: datetime.now(UTC).isoformat(timespec="milliseconds"),
            QUEUE_HEADER: received.queue,
        }
        # A letter without an id could not be asked for.
        id_ = message.message_id or new_id()
        buried = AmqpMessage(body=message.body, message_id=id_, correlation_id=message.correlation_id, headers=headers)
        if not await self._publish_while_held(
            received, buried, Address("", self._connection.named(DEAD_LETTERS), mandatory=True)
        ):
            condemned = replace(received, reason=reason)
            await self._put_back(condemned, _copy(condemned, received.attempt), later=True)

    async def ack(self, received: RawDelivery) -> None:
        """Settle the delivery, unless its channel is gone."""
        message: Delivered = received.handle
        with suppress(ChannelInvalidStateError):
            message.channel.ack(message.delivery_tag)

    async def requeue(self, received: RawDelivery) -> None:
        """Requeue it, unless its channel is gone, which has done so."""
        message: Delivered = received.handle
        with suppress(ChannelInvalidStateError):
            message.channel.requeue(message.delivery_tag)

    def is_lost(self, received: RawDelivery) -> bool:
        """Whether the channel that delivered it is gone."""
        message: Delivered = received.handle
        return message.channel.is_closed

    async def _put_back(self, received: RawDelivery, message: AmqpMessage, *, later: bool) -> None:
        """To its queue, by way of ``retry`` or, while that one's node is down, after a wait of our own.

        Not mandatory at the end: a session deleted meanwhile needs its commands no more; and the delivery of a queue
        whose node is down comes back with the node.
        """
        if later:
            if await self._publish_while_held(
                received, message, Address(self._connection.named(RETRY), received.queue, mandatory=True)
            ):
                return
            await asyncio.sleep(RETRY_DELAY)
        await self._publish_while_held(received, message, Address("", received.queue, mandatory=False))

    async def _publish_while_held(self, received: RawDelivery, message: AmqpMessage, address: Address) -> bool:
        """False when no queue took it."""
        while not self.is_lost(received):
            try:
                await self._publisher.publish(message, address, key=received.queue)
            except Unroutable:
                return False
            except Unavailable:
                await asyncio.sleep(self._connection.timings.first_pause)
                continue
            return True
        return True


def _copy(received: RawDelivery, attempt: int) -> AmqpMessage:
    headers: dict[str, str | int] = {ATTEMPT_HEADER: attempt}
    if received.traceparent:
        headers[TRACE_HEADER] = received.traceparent
    if received.reason is not None:
        headers[REASON_HEADER] = received.reason
    return AmqpMessage(
        body=received.body,
        message_id=received.command_id,
        headers=headers,
        correlation_id=received.command_id,
        reply_to=received.reply_to,
    )
