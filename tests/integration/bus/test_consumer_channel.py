"""A consumer channel consumes what it wants: also what is wanted while it attaches, and what comes back."""

import asyncio
from collections.abc import Sequence

import aio_pika

from callplane.bus.rabbitmq.connection import Timings, open_connection
from callplane.bus.rabbitmq.consumer_callbacks import ConsumerCallbacks
from callplane.bus.rabbitmq.consumer_channel import ConsumerChannel
from callplane.bus.rabbitmq.content_channel import Delivered
from callplane.concurrency import alongside
from callplane.contracts.errors import NodeDown
from testkit.inprocess.bus import until
from testkit.servers.servers import Vhost


async def test_what_is_wanted_while_it_attaches_is_consumed(vhost: Vhost) -> None:
    """A look at thousands of queues takes seconds, and a session that is made meanwhile is not forgotten."""
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def exists(_: str) -> bool:
        asked.set()
        await may_answer.wait()
        return True

    async with await aio_pika.connect(vhost.url) as connection:
        channel = await connection.channel()
        for queue in ("early", "late"):
            await channel.declare_queue(queue, durable=True)
        async with open_connection(vhost.url, "test", Timings()) as ours:
            consumers = ConsumerChannel(ours, 1, ConsumerCallbacks(arrived, lambda _: None, exists, all_exist))
            consumers.want("early")
            async with alongside(consumers.run()):
                await asyncio.wait_for(asked.wait(), 5)
                consumers.want("late")
                may_answer.set()
                await until(lambda: consumes(consumers, "early", "late"))


async def test_what_is_down_holds_up_nothing_and_comes_back(vhost: Vhost) -> None:
    """Also when the broker cancels its consumer, and while others come all the time."""
    down = {"b"}

    async def exists(queue: str) -> bool:
        if queue in down:
            raise NodeDown("down")
        return True

    async with await aio_pika.connect(vhost.url) as connection:
        channel = await connection.channel()
        for queue in "abc":
            await channel.declare_queue(queue, durable=True)
        async with open_connection(vhost.url, "test", Timings()) as ours:
            lost: list[str] = []
            consumers = ConsumerChannel(ours, 1, ConsumerCallbacks(arrived, lost.append, exists, all_exist))
            for queue in "abc":
                consumers.want(queue)
            async with alongside(consumers.run()):
                await until(lambda: consumes(consumers, "a", "c"))
                down.add("c")
                await channel.queue_delete("c")
                await until(lambda: consumes(consumers, "a"))
                await until(lambda: down_are(consumers, "b", "c"))
                await channel.declare_queue("c", durable=True)
                down.clear()
                async with asyncio.timeout(8):
                    while consumers.consumed != {"a", "b", "c"}:
                        consumers.want("a")
                        await asyncio.sleep(0.05)
            assert lost == []


def arrived(_queue: str, _message: Delivered) -> None:
    """Nothing is sent."""
    raise AssertionError


async def all_exist(_: Sequence[str]) -> bool:
    """So few are asked for by themselves."""
    raise AssertionError


async def down_are(consumers: ConsumerChannel, *queues: str) -> bool:
    """Whether these, and no others, are known to be down."""
    return consumers.down == set(queues)


async def consumes(consumers: ConsumerChannel, *queues: str) -> bool:
    """Whether it consumes these and no others."""
    return consumers.consumed == set(queues)
