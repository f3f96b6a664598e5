"""CPU of a message by our own frames beside that by aiormq's, in the same run and on the same connection.

    python -m bench.frames [--count 4000] [--rounds 3]

A private RabbitMQ is started; its CPU does not count, only that of this process. Messages have 500 octets, and the
properties of a command.
"""

import argparse
import asyncio
import resource
import statistics
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from aiormq import Channel, spec
from aiormq.abc import DeliveredMessage

from callplane.bus.rabbitmq.connection import AmqpConnection, Timings, open_connection, raw_channel
from callplane.bus.rabbitmq.content_channel import ContentChannel, Delivered
from callplane.bus.rabbitmq.frames import Address, properties_to_publish
from callplane.telemetry.logs import configure_logs
from cli.machine.rabbitmq import rabbitmq

QUEUE, BODY = "bench", b"x" * 500
TO = Address("", QUEUE, mandatory=True)
OTHERS = ("c" * 32, None, "update")

Publish = Callable[[str], Awaitable[Any]]


def ours(channel: ContentChannel) -> Publish:
    """By our own frames."""

    def publish(message_id: str) -> Awaitable[Any]:
        properties = properties_to_publish(message_id, headers={"attempt": 1}, persistent=True, others=OTHERS)
        return channel.publish_confirmed(TO, properties, BODY, message_id=message_id)

    return publish


def theirs(channel: Channel) -> Publish:
    """By aiormq's."""

    def publish(message_id: str) -> Awaitable[Any]:
        properties = spec.Basic.Properties(
            content_type="application/json",
            headers={"attempt": 1},
            delivery_mode=2,
            message_id=message_id,
            correlation_id=OTHERS[0],
            message_type=OTHERS[2],
        )
        return channel.basic_publish(BODY, routing_key=QUEUE, properties=properties, mandatory=True, wait=False)

    return publish


def used() -> float:
    """CPU seconds of this process."""
    now = resource.getrusage(resource.RUSAGE_SELF)
    return now.ru_utime + now.ru_stime


async def published(publish: Publish, count: int, in_flight: int) -> float:
    """Microseconds of CPU each."""
    left = iter(range(count))
    before = used()

    async def one_by_one() -> None:
        for number in left:
            await publish(f"{number:032x}")

    async with asyncio.TaskGroup() as tasks:
        for _ in range(in_flight):
            tasks.create_task(one_by_one())
    return (used() - before) / count * 1e6


async def consumed(connection: AmqpConnection, count: int, *, by_aiormq: bool) -> float:
    """The same, of what is delivered and acknowledged."""
    channel = await connection.channel(confirms=False)
    raw, seen, done = await raw_channel(channel), iter(range(count - 1)), asyncio.Event()
    await raw.basic_qos(prefetch_count=100)

    def count_one() -> None:
        if next(seen, None) is None:
            done.set()

    async def take(message: DeliveredMessage) -> None:
        await message.channel.basic_ack(message.delivery_tag or 0, wait=False)
        assert message.header.properties.message_id
        count_one()

    def take_ours(message: Delivered) -> None:
        message.channel.ack(message.delivery_tag)
        assert message.properties.message_id
        count_one()

    before = used()
    await (raw.basic_consume(QUEUE, take) if by_aiormq else connection.content(raw).consume(QUEUE, take_ours))
    async with asyncio.timeout(60):
        await done.wait()
    each = (used() - before) / count * 1e6
    await channel.close()
    return each


async def main(arguments: argparse.Namespace) -> None:
    """Both in turns, and the medians."""
    found: dict[tuple[str, bool], list[float]] = {}
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        node = await stack.enter_async_context(rabbitmq(Path(directory)))
        connection = await stack.enter_async_context(open_connection(node.url(), "bench", Timings()))
        await connection.wait_up(5)
        outer = [await connection.channel(confirms=True) for _ in range(2)]
        own, other = [await raw_channel(channel) for channel in outer]
        await own.queue_declare(QUEUE, durable=True)
        ways = {False: ours(connection.content(own)), True: theirs(other)}
        for _ in range(arguments.rounds):
            for by_aiormq, publish in ways.items():
                for in_flight, share in ((32, 1), (1, 4)):
                    each = await published(publish, arguments.count // share, in_flight)
                    found.setdefault((f"published and confirmed, {in_flight} in flight", by_aiormq), []).append(each)
                there = arguments.count + arguments.count // 4
                each = await consumed(connection, there, by_aiormq=by_aiormq)
                found.setdefault(("delivered and acknowledged", by_aiormq), []).append(each)
    for (name, by_aiormq), values in sorted(found.items()):
        print(f"{name:<40}{'aiormq' if by_aiormq else 'ours':>8}{statistics.median(values):>8.1f} µs")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="CPU of a message by our own frames beside that by aiormq's.")
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    configure_logs("warning")
    asyncio.run(main(parser.parse_args()))
