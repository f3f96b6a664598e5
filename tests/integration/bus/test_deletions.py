"""Queues are deleted while others begin to listen to them: nobody else's consumers are disturbed."""

import asyncio
import random

from callplane.bus.ports import Delivery
from callplane.contracts.errors import Trouble
from callplane.contracts.ids import SessionId
from testkit.inprocess.bus import RabbitCorner, ScriptedHandler, command, session, until
from testkit.servers.servers import Vhost

OVERLAPS = 300
LATER = 0.15
"""Seconds between a close and the deletion of its queue; two in the product, and a read of the status in between."""


async def test_what_is_deleted_meanwhile_costs_nobody_a_consumer(vhost: Vhost) -> None:
    """A command that runs on every channel is not taken back: none of the channels has ended."""
    may_end, rng = asyncio.Event(), random.Random(11)

    async def slowly(_: Delivery) -> None:
        await may_end.wait()

    told, stay = ScriptedHandler(act=slowly), [session() for _ in range(48)]
    async with (
        RabbitCorner(vhost.url).bus() as bus,
        RabbitCorner(vhost.url).bus() as other,
        bus.listener(told.work()) as listener,
        other.sender() as sender,
    ):
        for where in stay:
            await listener.listen(where)
            await sender.post(command(where))
        await told.until(len(stay))

        async def overlap(where: SessionId) -> None:
            closed = asyncio.Event()

            async def still() -> bool:
                return not closed.is_set()

            async def begin() -> None:
                await asyncio.sleep(LATER + rng.uniform(-0.02, 0.02))
                try:
                    await listener.listen(where, still)
                except Trouble:
                    return

            await other.topology.open_session(where)
            closed.set()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(begin())
                await asyncio.sleep(LATER)
                await other.topology.delete_session(where)

        for _ in range(OVERLAPS // 30):
            async with asyncio.TaskGroup() as tasks:
                for _ in range(30):
                    tasks.create_task(overlap(session()))

        async def is_left() -> bool:  # it hears of what was deleted in its turn
            return listener.listening() == set(stay)

        await until(is_left)
        may_end.set()
        await asyncio.sleep(0.2)
        assert told.attempts == [1] * len(stay)
