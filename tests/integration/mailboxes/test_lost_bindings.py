"""RabbitMQ has lost what leads to a mailbox, and nobody says so: noticed, made again, and its reader told."""

import asyncio
from dataclasses import replace
from typing import Any

import aio_pika
import pytest

from callplane.bus.rabbitmq import RabbitSettings, open_bus
from callplane.contracts.ids import ParticipantId
from callplane.contracts.messages import Message
from testkit.inprocess.mailboxes import FAST, S, TestPod, message, rabbit_scene, texts_of, types_of
from testkit.servers.servers import Servers

HASTY = replace(FAST, compare=0.3)


def event(version: int) -> Message:
    """An event of the session's."""
    return message(f"{S}:{version}", S).model_copy(update={"type": "session-updated", "version": version})


async def next_type(pod: TestPod, who: ParticipantId) -> str:
    """The type of the first message that comes, which is acknowledged."""
    async with asyncio.timeout(10):
        while True:
            batch = await pod.poll(who, wait=1)
            if batch.received:
                await pod.poll(who, batch.ack, wait=0)
                return types_of(batch)[0]


@pytest.mark.parametrize("lost", ["exchange", "binding"])
async def test_a_lost_way_to_a_mailbox_is_made_again(servers: Servers, lost: str) -> None:
    """One whose events have come, or still wait in an outbox, is told nothing."""
    async with (
        rabbit_scene(servers) as scene,
        open_bus(RabbitSettings(servers.vhost.url)) as bus,
        scene.pod(HASTY) as pod,
        await aio_pika.connect(servers.vhost.url) as connection,
    ):
        await bus.wait_up(5)
        sessions, channel = scene.database["sessions"], await connection.channel()

        async def written(version: int, *outbox: Any) -> None:
            what = {"$set": {"status": "open", "version": version, "outbox": list(outbox)}}
            await sessions.update_one({"_id": S}, what, upsert=True)

        await bus.topology.open_session(S)
        ann = await scene.seat("ann")
        await written(7)
        await pod.poll(ann, wait=0)
        await asyncio.sleep(0.7)
        await written(8)
        assert await bus.messenger.to_session(S, [event(8)]) == "all"
        assert await next_type(pod, ann) == "session-updated"
        await written(9, {"type": "session-updated"})
        await asyncio.sleep(1)
        assert types_of(await pod.poll(ann, wait=0)) == []
        if lost == "exchange":
            await channel.exchange_delete(f"session.{S}")
        else:
            queue, exchange = await channel.get_queue(f"user.{ann}"), await channel.get_exchange(f"session.{S}")
            await queue.unbind(exchange, routing_key="")
        assert await bus.messenger.to_session(S, [event(9)]) == "none"
        await written(9)
        assert await next_type(pod, ann) == "resync-required"
        assert await bus.messenger.to_session(S, [message("after", S)]) == "all"
        assert texts_of(await pod.poll(ann)) == ["after"]
