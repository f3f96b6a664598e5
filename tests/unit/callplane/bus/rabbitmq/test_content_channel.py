"""Messages by our own frames on aiormq's own connection, against a broker that says what a test has it say.

It is aiormq itself that opens, closes and fails here: should a version of it take its streams from elsewhere, write a
close in another way, or see what it is not to see, these tests fail.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiormq.exceptions import ChannelInvalidStateError, ChannelNotFoundEntity
from pamqp import commands as spec
from pamqp.body import ContentBody
from pamqp.header import ContentHeader

from callplane.bus.rabbitmq import frames
from callplane.bus.rabbitmq.content_channel import ContentChannel, Delivered
from callplane.bus.rabbitmq.errors import as_unavailable
from callplane.bus.rabbitmq.frames import Address
from callplane.contracts.errors import Unavailable
from testkit.inprocess.bus import until as true
from testkit.inprocess.scripted_broker import FRAME_MAX, ScriptedBroker, content, scripted_channel

TO = Address("", "queue", mandatory=True)


def deliver(tag: int, body: bytes, consumer: str = "tag") -> list[Any]:
    """The frames of a delivery."""
    method = spec.Basic.Deliver(consumer, tag, tag % 2 == 0, "", "queue")
    return list(content(method, body, spec.Basic.Properties(message_id=f"m{tag}")))


def publish(channel: ContentChannel, message_id: str) -> "asyncio.Future[Any]":
    """With a confirm."""
    return channel.publish_confirmed(TO, frames.transient(message_id), b"body", message_id=message_id)


async def until(holds: Callable[[], bool]) -> None:
    """Back once it does."""

    async def held() -> bool:
        return holds()

    await true(held)


async def consuming(channel: ContentChannel) -> list[Delivered]:
    """What has been delivered, and will be."""
    told: list[Delivered] = []
    await channel.consume("queue", told.append, tag="tag")
    return told


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
async def test_deliveries_come_in_order_and_whole_whatever_their_size(secure: bool) -> None:
    async with scripted_channel(secure=secure) as (broker, channel):
        told = await consuming(channel)
        sizes = [0, 1, FRAME_MAX - 9, FRAME_MAX - 8, FRAME_MAX - 7, 50_000, 3]
        for tag, size in enumerate(sizes, 1):
            broker.say(1, *deliver(tag, b"x" * size))
        await until(lambda: len(told) == len(sizes))
        assert [(one.delivery_tag, len(one.body)) for one in told] == list(enumerate(sizes, 1))
        assert [one.redelivered for one in told] == [tag % 2 == 0 for tag in range(1, len(sizes) + 1)]
        assert {one.routing_key for one in told} == {"queue"}
        assert [one.properties.message_id for one in told] == [f"m{tag}" for tag in range(1, len(sizes) + 1)]
        for one in told:
            one.channel.ack(one.delivery_tag)
        acks = await broker.until_heard(spec.Basic.Ack, len(sizes))
        assert [(ack.delivery_tag, ack.multiple) for ack in acks] == [(one.delivery_tag, False) for one in told]


async def test_one_that_fails_costs_the_next_nothing() -> None:
    async with scripted_channel() as (broker, channel):
        told: list[bytes] = []

        def fail_first(message: Delivered) -> None:
            told.append(message.body)
            if len(told) == 1:
                raise RuntimeError

        await channel.consume("queue", fail_first, tag="tag")
        broker.say(1, *deliver(1, b"one"), *deliver(2, b"two"))
        await until(lambda: told == [b"one", b"two"])


async def test_a_consumer_that_was_ended_is_told_nothing_more_and_aiormq_says_so() -> None:
    async with scripted_channel() as (broker, channel):
        told = await consuming(channel)
        ended: list[spec.Basic.Cancel] = []
        channel.raw.on_consumer_cancel_callbacks.add(ended.append)
        broker.say(1, *deliver(1, b"one"), spec.Basic.Cancel("tag"), *deliver(2, b"two"))
        await until(lambda: bool(ended))
        assert [one.body for one in told] == [b"one"]


async def test_confirms_of_one_and_of_many() -> None:
    async with scripted_channel(confirms=True) as (broker, channel):
        waiting = [publish(channel, f"m{number}") for number in range(1, 6)]
        assert len(await broker.until_heard(ContentBody, 5)) == 5
        broker.say(1, spec.Basic.Ack(2))
        assert await waiting[1] == "taken"
        assert [one.done() for one in waiting] == [False, True, False, False, False]
        broker.say(1, spec.Basic.Ack(3, multiple=True), spec.Basic.Nack(5, multiple=True))
        assert await asyncio.gather(*waiting) == ["taken", "taken", "taken", "refused", "refused"]


async def test_what_is_returned_is_so_however_it_is_confirmed() -> None:
    async with scripted_channel(confirms=True) as (broker, channel):
        waiting = [publish(channel, f"m{number}") for number in range(1, 4)]
        returned = content(
            spec.Basic.Return(312, "NO_ROUTE", "", "queue"), b"body", spec.Basic.Properties(message_id="m2")
        )
        broker.say(1, *returned, spec.Basic.Ack(3, multiple=True))
        assert await asyncio.gather(*waiting) == ["taken", "returned", "taken"]


async def test_who_gives_up_a_publication_disturbs_no_other() -> None:
    async with scripted_channel(confirms=True) as (broker, channel):
        given_up, again = publish(channel, "same"), publish(channel, "same")
        given_up.cancel()
        broker.say(1, spec.Basic.Ack(1))
        broker.say(
            1, *content(spec.Basic.Return(312, "NO_ROUTE", "", "queue"), b"", spec.Basic.Properties(message_id="same"))
        )
        assert await again == "returned"


async def test_a_long_body_is_cut_as_the_broker_wants_it() -> None:
    async with scripted_channel(confirms=True) as (broker, channel):
        body = bytes(range(256)) * 64
        channel.publish(TO, frames.TRANSIENT, body)
        pieces = await broker.until_heard(ContentBody, len(body) // (FRAME_MAX - 8) + 1)
        assert b"".join(one.value for one in pieces) == body
        assert max(len(one.value) for one in pieces) + frames.AROUND == FRAME_MAX


async def test_nothing_is_written_behind_a_close_of_the_brokers() -> None:
    """It would end the whole connection (504)."""
    async with scripted_channel(confirms=True) as (broker, channel):
        waiting = publish(channel, "m1")
        broker.say(1, spec.Channel.Close(404, "NOT_FOUND - no exchange 'x' in vhost '/'", 60, 40))
        while not channel.is_closed:
            channel.ack(1)
            await asyncio.sleep(0)
        for write in (lambda: channel.ack(1), lambda: channel.requeue(1), lambda: publish(channel, "m2")):
            with pytest.raises(ChannelInvalidStateError):
                write()
        with pytest.raises(ChannelNotFoundEntity):
            await waiting
        await broker.until_heard(spec.Channel.CloseOk)
        assert_last(broker, spec.Channel.CloseOk)


async def test_nothing_is_written_behind_a_close_of_ours() -> None:
    async with scripted_channel() as (broker, channel):
        channel.ack(1)
        closing = asyncio.ensure_future(channel.raw.close())
        while not channel.is_closed:
            channel.ack(2)
            await asyncio.sleep(0)
        with pytest.raises(ChannelInvalidStateError):
            channel.ack(3)
        await closing
        assert_last(broker, spec.Channel.Close)
        assert {frame.delivery_tag for frame in await broker.until_heard(spec.Basic.Ack)} == {1, 2}


async def test_an_end_of_the_connection_is_told_to_who_waits() -> None:
    async with scripted_channel(confirms=True) as (broker, channel):
        waiting = publish(channel, "m1")
        await broker.until_heard(ContentBody)
        assert broker.writer is not None
        broker.writer.close()
        with pytest.raises(Unavailable), as_unavailable("publishing"):
            await waiting
        assert channel.is_closed


async def test_a_close_of_the_connection_is_told_to_who_waits() -> None:
    async with scripted_channel(confirms=True) as (_, channel):
        waiting = publish(channel, "m1")
        await channel.raw.connection.close()
        with pytest.raises(Unavailable), as_unavailable("publishing"):
            await waiting


@pytest.mark.parametrize(
    "odd",
    [
        [*deliver(1, b"one")[:1], spec.Basic.QosOk()],
        [*deliver(1, b"one")[:1], ContentBody(b"one")],
        [*deliver(1, b"one")[:2], ContentBody(b"more")],
        [*deliver(1, b"one")[:2], ContentHeader(body_size=3)],
    ],
    ids=["method", "no header", "too much", "two headers"],
)
async def test_a_message_that_is_none_ends_the_connection(odd: list[Any]) -> None:
    async with scripted_channel() as (broker, channel):
        told = await consuming(channel)
        broker.say(1, *odd)
        await until(lambda: channel.raw.connection.is_closed)
        assert told == []


async def test_a_number_that_is_used_again_is_another_channel() -> None:
    async with scripted_channel() as (broker, channel):
        await consuming(channel)
        await channel.raw.close()
        again = await channel.raw.connection.channel(publisher_confirms=False)
        assert again.number == channel.raw.number
        come: list[Any] = []

        async def aiormq_tells(message: Any) -> None:
            come.append(message.body)

        await again.basic_consume("queue", aiormq_tells, consumer_tag="tag")
        broker.say(1, *deliver(1, b"one"))
        await until(lambda: come == [b"one"])


def assert_last(broker: ScriptedBroker, kind: type) -> None:
    """Nothing has come on the channel behind that."""
    assert isinstance([frame for channel, frame in broker.heard if channel == 1][-1], kind)
