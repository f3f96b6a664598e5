"""Retention of the stream of events: the broker has the bounds that settings say, and takes out what is too old."""

from typing import Any

import aiormq
import pytest
from aiormq.exceptions import ChannelPreconditionFailed

from callplane.bus.names import EVENT_STREAM
from callplane.bus.rabbitmq import topology
from callplane.bus.stream_ports import stream_bounds
from callplane.contracts.ids import SessionId
from testkit.inprocess.bus import RabbitCorner
from testkit.inprocess.streams import happened, read
from testkit.servers.servers import Vhost
from testkit.servers.until import until

S = SessionId("s")
SAID = {
    "x-queue-type": "stream",
    "x-max-age": "3D",
    "x-max-length-bytes": 2_000_000_000,
    "x-stream-max-segment-size-bytes": 64 * 1024 * 1024,
    "x-initial-cluster-size": 3,
}
"""Of three days and two gigabytes."""


async def _declared_so(vhost: Vhost, **otherwise: Any) -> bool:
    """Whether the broker takes the stream for the same as one with these arguments (AMQP 0-9-1, ``queue.declare``)."""
    connection = await aiormq.connect(vhost.url)
    try:
        channel = await connection.channel()
        await channel.queue_declare(EVENT_STREAM, durable=True, arguments={**SAID, **otherwise})
    except ChannelPreconditionFailed:
        return False
    finally:
        await connection.close()
    return True


async def test_it_is_declared_with_the_bounds_of_the_settings(vhost: Vhost) -> None:
    async with RabbitCorner(vhost.url, stream=stream_bounds(3, 2)).bus() as bus:
        await bus.events.publish([happened(S, 1)])
        assert await _declared_so(vhost)
        assert not await _declared_so(vhost, **{"x-max-age": "4D"})
        assert not await _declared_so(vhost, **{"x-max-length-bytes": 3_000_000_000})


async def test_without_days_there_is_none(vhost: Vhost) -> None:
    async with RabbitCorner(vhost.url, stream=stream_bounds(0, 2)).bus() as bus:
        await bus.events.publish([happened(S, 1)])
        assert EVENT_STREAM not in await vhost.queues()


async def test_what_is_too_old_goes_when_a_segment_begins(vhost: Vhost, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second in place of days, and small segments; by their length they could stay."""
    usual, published = topology.stream_arguments, 0

    def briefly(bounds: Any) -> dict[str, Any]:
        return {**usual(bounds), "x-max-age": "1s", "x-stream-max-segment-size-bytes": 10_000}

    monkeypatch.setattr(topology, "stream_arguments", briefly)
    async with RabbitCorner(vhost.url, stream=stream_bounds(3, 2)).bus() as bus:

        async def the_first_went() -> bool:
            nonlocal published
            await bus.events.publish([happened(S, published + n) for n in range(1, 60)])
            published += 59
            async with bus.stream.reading("first") as reader:
                return (await read(reader, 1))[0].offset > 0

        await until(the_first_went)
