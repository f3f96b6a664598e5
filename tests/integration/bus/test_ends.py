"""What ends under the bus - consumers, channels, connections, callers, processes - and how it goes on."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import aio_pika
import pytest

from callplane.bus.names import session_name
from callplane.bus.rabbitmq import RabbitBus, RabbitSettings, open_bus
from callplane.bus.rabbitmq.connection import raw_channel
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import ParticipantId
from cli.machine.process import Command, running
from testkit.inprocess.bus import FAST, RabbitCorner, ScriptedHandler, command, equal, session, until
from testkit.servers.servers import Vhost
from tests.conformance.bus.test_events import Taken, happened

ANN = ParticipantId("ann")


async def test_a_consumer_cancelled_by_the_broker_is_noticed(vhost: Vhost) -> None:
    """By the one sign that there is; listening again brings the session back."""
    told, where = ScriptedHandler(), session()
    async with RabbitCorner(vhost.url).bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        await listener.listen(where)
        async with await aio_pika.connect(vhost.url) as connection:
            await (await connection.channel()).queue_delete(session_name(where))
        assert await asyncio.wait_for(told.cancelled.get(), 20) == where
        assert listener.listening() == frozenset()
        await listener.listen(where)
        assert await sender.send(command(where), wait=20) is not None


async def test_events_are_consumed_again_when_their_queue_was_gone(vhost: Vhost) -> None:
    """Its deletion, as its node's end, is told to the consumer alone: the channel stays as it is."""
    where, seen = session(), Taken()

    async def published(version: int) -> None:
        while f"{where}:{version}" not in seen.ids:  # from when the queue is there
            await bus.events.publish([happened(where, version)])
            await asyncio.sleep(0.05)

    async with RabbitCorner(vhost.url).bus() as bus, bus.events.consuming("servers", seen.take), asyncio.timeout(30):
        await published(1)
        async with await aio_pika.connect(vhost.url) as connection:
            await (await connection.channel()).queue_delete("servers")
        await published(2)


async def test_a_channel_that_the_broker_closes_is_attached_again(vhost: Vhost) -> None:
    """With everything that was consumed on it; what it held is delivered again and counted."""
    told = ScriptedHandler()
    sessions = [session() for _ in range(40)]
    async with RabbitCorner(vhost.url).bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        for where in sessions:
            await listener.listen(where)
        assert isinstance(bus, RabbitBus)
        for channel in listener.channels:  # type: ignore[attr-defined]
            raw = await raw_channel(channel._channel)
            # Acknowledging what was never delivered is a 406, which closes the channel.
            await raw.basic_ack(4711)

        async def attached() -> bool:
            whole = not any(channel._channel.is_closed for channel in listener.channels)  # type: ignore[attr-defined]
            return whole and len(listener.listening()) == 40

        await until(attached)
        replies = await asyncio.gather(*(sender.send(command(where), wait=20) for where in sessions))
    assert all(replies)


async def test_a_new_connection_has_a_new_reply_queue(vhost: Vhost) -> None:
    """The old one died with its connection; callers notice nothing but the time it takes."""
    told, where = ScriptedHandler(), session()
    corner = RabbitCorner(vhost.url)
    async with corner.bus() as wrapper, wrapper.listener(told.work()) as listener, corner.bus() as bus:
        assert isinstance(bus, RabbitBus)
        await listener.listen(where)
        async with bus.sender() as sender:
            for _ in range(3):
                assert await sender.send(command(where), wait=20) is not None
                bus.consuming.drop()
                bus.publishing.drop()
                await asyncio.sleep(0)
            assert await sender.send(command(where), wait=20) is not None


async def test_a_reply_to_a_pod_that_is_gone_is_dropped(vhost: Vhost) -> None:
    """The command is done all the same, and acked."""
    told, where = ScriptedHandler(), session()
    corner = RabbitCorner(vhost.url)
    async with corner.bus() as bus, bus.listener(told.work()) as listener:
        await listener.listen(where)
        await corner.put(session_name(where), command(where).model_dump_json().encode(), reply_to="gone")
        await told.until(1)
        await until(lambda: equal(vhost.queues(), session_name(where), 0))


async def test_a_process_that_is_killed_in_a_command_is_counted(vhost: Vhost, tmp_path: Path) -> None:
    """kill -9 in the middle of a handler: the next wrapper has it as the second attempt."""
    told, where = ScriptedHandler("second"), session()
    corner = RabbitCorner(vhost.url)
    script = tmp_path / "victim.py"
    script.write_text(VICTIM)
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    argv = [sys.executable, str(script), vhost.url, where]
    async with corner.bus() as bus, bus.sender() as sender:
        await bus.topology.open_session(where)
        sending = asyncio.ensure_future(sender.send(command(where), wait=15))
        async with running(Command("victim", argv, tmp_path / "victim.log", env=environment, cwd=root)) as victim:
            assert await victim.ended() == -signal.SIGKILL
        async with bus.listener(told.work()) as listener:
            await listener.listen(where)
            reply = await sending
    assert reply is not None
    assert reply.result == {"wrapper": "second", "attempt": 2}


VICTIM = """
import asyncio, os, signal, sys
from callplane.bus.rabbitmq import RabbitSettings, open_bus
from testkit.inprocess.bus import equal, channel_pids, ScriptedHandler

async def main(url, session):
    told = ScriptedHandler(act=lambda delivery: os.kill(os.getpid(), signal.SIGKILL))
    async with open_bus(RabbitSettings(url)) as bus:
        await bus.wait_up(10)
        async with bus.listener(told.work()) as listener:
            await listener.listen(session)
            await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_bus_may_be_opened_without_a_broker() -> None:
    """A program starts all the same, and says Unavailable until there is one."""
    async with open_bus(RabbitSettings("amqp://127.0.0.1:9/", limits=FAST)) as bus:
        assert not bus.up()
        with pytest.raises(Unavailable):
            await bus.wait_up(0.1)
        async with bus.sender() as sender, bus.listener(ScriptedHandler().work()) as listener:
            assert listener.listening() == frozenset()
            with pytest.raises(Unavailable):
                await sender.post(command(session()))
