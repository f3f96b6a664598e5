"""Publisher with confirms, over a few channels, in the order of the calls for each key; and messages to mailboxes."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from zlib import crc32

from aio_pika.abc import AbstractChannel

from callplane.bus.names import mailbox_name
from callplane.bus.ports import NotTaken, TakenBy, Unroutable
from callplane.bus.rabbitmq.arguments import MESSAGES
from callplane.bus.rabbitmq.connection import AmqpConnection, close_channel, raw_channel
from callplane.bus.rabbitmq.content_channel import ContentChannel
from callplane.bus.rabbitmq.errors import as_unavailable
from callplane.bus.rabbitmq.frames import Address, properties_to_publish
from callplane.bus.rabbitmq.topology import declare_permanent
from callplane.contracts.errors import NodeDown, Unavailable
from callplane.contracts.ids import ParticipantId, SessionId, new_id
from callplane.contracts.messages import Message
from callplane.telemetry.stages import stage

CHANNELS = 4
IN_FLIGHT = 200


@dataclass(frozen=True, slots=True)
class AmqpMessage:
    """What is published: the body, and the properties that Callplane uses."""

    body: bytes
    message_id: str
    headers: dict[str, str | int] | None = None
    correlation_id: str | None = None
    reply_to: str | None = None
    persistent: bool = True
    kind: str | None = None


class _ConfirmChannel:
    """One confirming channel, opened when it is needed, with a bound on what waits for its confirm."""

    def __init__(self, connection: AmqpConnection) -> None:
        self._connection = connection
        self._channel: ContentChannel | None = None
        self._outer: AbstractChannel | None = None  # the same as aio-pika has it, kept alive with it
        self._opening = asyncio.Lock()
        self._window = asyncio.Semaphore(IN_FLIGHT)

    async def channel(self) -> ContentChannel:
        """The channel as it is, or a new one."""
        if self._channel is not None and not self._channel.is_closed:
            return self._channel
        async with self._opening:
            if self._channel is None or self._channel.is_closed:
                opened = await self._connection.channel(confirms=True)
                try:
                    raw = await raw_channel(opened)
                    # A broker that lost its data has no exchanges, and publishing to a missing one closes the channel.
                    await declare_permanent(raw, self._connection)
                    content = self._connection.content(raw)
                except BaseException:
                    await close_channel(opened, self._connection.timings.close)
                    raise
                self._outer, self._channel = opened, content
            return self._channel

    async def publish(self, message: AmqpMessage, address: Address, channel: ContentChannel) -> None:
        """Publish on that channel and wait for the confirm."""
        async with self._window:
            message_id = message.message_id or new_id()
            said = await channel.publish_confirmed(
                address, _properties(message, message_id), message.body, message_id=message_id
            )
        if said == "returned":
            raise Unroutable(address.routing_key)
        if said == "refused":
            # A negative confirm. Where the node of a queue is down, RabbitMQ 3.10 returns, or drops and confirms
            # beside queues that have taken it; later versions keep such a queue in their routes, and refuse.
            raise NotTaken(address.routing_key)


class Publisher:
    """Publishes messages; every publish is confirmed, or raises."""

    def __init__(self, connection: AmqpConnection) -> None:
        self._confirm = connection.timings.confirm
        self._channels = [_ConfirmChannel(connection) for _ in range(CHANNELS)]

    async def publish(self, message: AmqpMessage, address: Address, *, key: str) -> None:
        """Publish and wait for the confirm; messages with the same key keep the order of the calls.

        Raises Unroutable, or Unavailable: then the message may or may not have been taken, and is to be sent again
        under the same message id.
        """
        chosen = self._channel_for(key)
        with stage("broker"), as_unavailable("publishing"):
            async with asyncio.timeout(self._confirm):
                await chosen.publish(message, address, await chosen.channel())

    async def publish_all(self, messages: list[AmqpMessage], address: Address, *, key: str) -> None:
        """Publish in order without waiting for each confirm; back when all are confirmed. Raises as ``publish``.

        All go over one channel: when it ends in between, none of the later ones can overtake an earlier.
        """
        await self.publish_each([(message, address) for message in messages], key=key)

    async def publish_each(self, messages: list[tuple[AmqpMessage, Address]], *, key: str) -> None:
        """The same, each to an address of its own."""
        if len(messages) == 1:  # as most are
            await self.publish(*messages[0], key=key)
            return
        chosen = self._channel_for(key)
        failures: list[Exception] = []

        async def one(message: AmqpMessage, address: Address, channel: ContentChannel) -> None:
            try:
                with as_unavailable("publishing"):
                    async with asyncio.timeout(self._confirm):
                        await chosen.publish(message, address, channel)
            except (Unavailable, Unroutable) as failure:
                failures.append(failure)

        with as_unavailable("publishing"):
            async with asyncio.timeout(self._confirm):
                channel = await chosen.channel()
        async with asyncio.TaskGroup() as tasks:
            for message, address in messages:
                tasks.create_task(one(message, address, channel))
        if failures:
            raise next((failure for failure in failures if isinstance(failure, Unavailable)), failures[0])

    def _channel_for(self, key: str) -> _ConfirmChannel:
        return self._channels[crc32(key.encode()) % CHANNELS]


class RabbitMessenger:
    """The Messenger port. Only permanent exchanges are ever named: publishing to a deleted one closes the channel."""

    def __init__(self, publisher: Publisher, exists: Callable[[str], Awaitable[bool]]) -> None:
        self._publisher = publisher
        self._exists = exists

    async def to_session(self, session_id: SessionId, messages: list[Message]) -> TakenBy:
        """Publish in order to every mailbox of the session."""
        address = Address(MESSAGES, session_id, mandatory=True)
        try:
            await self._publisher.publish_all(
                [_event_message(message) for message in messages], address, key=session_id
            )
        except NotTaken:
            return "some"
        except Unroutable:
            return "none"
        return "all"

    async def to_participant(self, participant_id: ParticipantId, *messages: Message) -> bool:
        """Publish to one mailbox, in order; False when it does not exist (any more). One on a node that is down is
        Unavailable.
        """
        address = Address("", mailbox_name(participant_id), mandatory=True)
        try:
            first, *more = [_event_message(message) for message in messages]
            if more:
                await self._publisher.publish_all([first, *more], address, key=messages[0].session_id)
            else:
                await self._publisher.publish(first, address, key=messages[0].session_id)
        except Unroutable:
            try:
                if not await self._exists(mailbox_name(participant_id)):
                    return False
            except NodeDown as down:
                raise Unavailable(str(down)) from None
            raise Unavailable("the mailbox did not take it") from None
        return True


def _event_message(message: Message) -> AmqpMessage:
    # The AMQP id is the token by which mailboxes acknowledge: never used twice, unlike the id of the event (design 4).
    return AmqpMessage(body=message.model_dump_json().encode(), message_id=new_id(), kind=message.type)


def _properties(message: AmqpMessage, message_id: str) -> bytes:
    return properties_to_publish(
        message_id,
        headers=message.headers,
        persistent=message.persistent,
        others=(message.correlation_id, message.reply_to, message.kind),
    )
