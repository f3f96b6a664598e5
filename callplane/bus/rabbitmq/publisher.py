"""Publishing with confirms, over a few channels, in the order of the calls for each key."""

import asyncio
from dataclasses import dataclass
from zlib import crc32

from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import DeliveryError, PublishError
from aiormq import Channel, spec

from callplane.bus.ports import NotTaken, Unroutable
from callplane.bus.rabbitmq.connection import AmqpConnection, leave, raw_channel
from callplane.bus.rabbitmq.errors import away
from callplane.bus.rabbitmq.permanent_topology import declare_permanent
from callplane.contracts.errors import Unavailable
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


@dataclass(frozen=True, slots=True)
class Address:
    """Where a letter goes; ``mandatory`` makes an unroutable one an error."""

    exchange: str
    routing_key: str
    mandatory: bool


class _ConfirmChannel:
    """One confirming channel, opened when it is needed, with a bound on what waits for its confirm.

    aiormq walks everything that waits at each multiple confirm.
    """

    def __init__(self, link: AmqpConnection) -> None:
        self._link = link
        self._channel: Channel | None = None
        self._held: AbstractChannel | None = None
        self._opening = asyncio.Lock()
        self._window = asyncio.Semaphore(IN_FLIGHT)

    async def channel(self) -> Channel:
        """The channel as it is, or a new one."""
        if self._channel is not None and not self._channel.is_closed:
            return self._channel
        async with self._opening:
            if self._channel is None or self._channel.is_closed:
                opened = await self._link.channel(confirms=True)
                try:
                    raw = await raw_channel(opened)
                    # A broker that lost its data has no exchanges, and publishing to a missing one closes the channel.
                    await declare_permanent(raw, self._link)
                except BaseException:
                    await leave(opened, self._link.timings.close)
                    raise
                self._held, self._channel = opened, raw
            return self._channel

    async def publish(self, letter: AmqpMessage, address: Address, channel: Channel) -> None:
        """Publish on a channel of this lane and wait for the confirm."""
        async with self._window:
            try:
                # wait=False: it is the confirm that is waited for, not the socket's drain.
                await channel.basic_publish(
                    letter.body,
                    exchange=address.exchange,
                    routing_key=address.routing_key,
                    properties=_properties(letter),
                    mandatory=address.mandatory,
                    wait=False,
                )
            except PublishError:
                raise Unroutable(address.routing_key) from None
            except DeliveryError:
                # A negative confirm. Where the node of a queue is down, RabbitMQ 3.10 returns, or drops and confirms
                # beside queues that have taken it; later versions keep such a queue in their routes, and refuse.
                raise NotTaken(address.routing_key) from None


class Publisher:
    """Publishes letters; every publish is confirmed, or raises."""

    def __init__(self, link: AmqpConnection) -> None:
        self._confirm = link.timings.confirm
        self._lanes = [_ConfirmChannel(link) for _ in range(CHANNELS)]

    async def publish(self, letter: AmqpMessage, address: Address, *, key: str) -> None:
        """Publish and wait for the confirm; letters with the same key keep the order of the calls.

        Raises Unroutable, or Unavailable: then the letter may or may not have been taken, and is to be sent again under
        the same message id.
        """
        lane = self._lane(key)
        with stage("broker"), away("publishing"):
            async with asyncio.timeout(self._confirm):
                await lane.publish(letter, address, await lane.channel())

    async def publish_all(self, letters: list[AmqpMessage], address: Address, *, key: str) -> None:
        """Publish in order without waiting for each confirm; back when all are confirmed. Raises as ``publish``.

        All go over one channel: when it ends in between, none of the later ones can overtake an earlier.
        """
        lane = self._lane(key)
        failures: list[Exception] = []

        async def one(letter: AmqpMessage, channel: Channel) -> None:
            try:
                with away("publishing"):
                    async with asyncio.timeout(self._confirm):
                        await lane.publish(letter, address, channel)
            except (Unavailable, Unroutable) as failure:
                failures.append(failure)

        with away("publishing"):
            async with asyncio.timeout(self._confirm):
                channel = await lane.channel()
        async with asyncio.TaskGroup() as tasks:
            for letter in letters:
                tasks.create_task(one(letter, channel))
        if failures:
            raise next((failure for failure in failures if isinstance(failure, Unavailable)), failures[0])

    def _lane(self, key: str) -> _ConfirmChannel:
        return self._lanes[crc32(key.encode()) % CHANNELS]


def _properties(letter: AmqpMessage) -> spec.Basic.Properties:
    return spec.Basic.Properties(
        content_type="application/json",
        headers=dict(letter.headers or {}),
        delivery_mode=2 if letter.persistent else 1,
        message_id=letter.message_id,
        correlation_id=letter.correlation_id,
        reply_to=letter.reply_to,
        message_type=letter.kind,
    )
