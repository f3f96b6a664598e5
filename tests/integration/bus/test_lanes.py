"""A lane consumes what it wants: also what is wanted while it attaches, and what comes back."""

import asyncio
from collections.abc import Sequence

import aio_pika
from aiormq.abc import DeliveredMessage

from callplane.bus.rabbitmq.connection import Timings, open_link
from callplane.bus.rabbitmq.consumer_channel import ConsumerCallbacks, ConsumerChannel
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
        async with open_link(vhost.url, "test", Timings()) as link:
            lane = ConsumerChannel(link, 1, ConsumerCallbacks(arrived, lambda _: None, exists, all_exist))
            lane.want("early")
            async with alongside(lane.run()):
                await asyncio.wait_for(asked.wait(), 5)
                lane.want("late")
                may_answer.set()
                await until(lambda: consumes(lane, "early", "late"))


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
        async with open_link(vhost.url, "test", Timings()) as link:
            lost: list[str] = []
            lane = ConsumerChannel(link, 1, ConsumerCallbacks(arrived, lost.append, exists, all_exist))
            for queue in "abc":
                lane.want(queue)
            async with alongside(lane.run()):
                await until(lambda: consumes(lane, "a", "c"))
                down.add("c")
                await channel.queue_delete("c")
                await until(lambda: consumes(lane, "a"))
                await until(lambda: down_are(lane, "b", "c"))
                await channel.declare_queue("c", durable=True)
                down.clear()
                async with asyncio.timeout(8):
                    while lane.consumed != {"a", "b", "c"}:
                        lane.want("a")
                        await asyncio.sleep(0.05)
            assert lost == []


async def arrived(_queue: str, _message: DeliveredMessage) -> None:
    """Nothing is sent."""
    raise AssertionError


async def all_exist(_: Sequence[str]) -> bool:
    """So few are asked for by themselves."""
    raise AssertionError


async def down_are(lane: ConsumerChannel, *queues: str) -> bool:
    """Whether these, and no others, are known to be down."""
    return lane.down == set(queues)


async def consumes(lane: ConsumerChannel, *queues: str) -> bool:
    """Whether it consumes these and no others."""
    return lane.consumed == set(queues)
