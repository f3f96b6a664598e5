"""RabbitMQ stopped, paused, starved and restarted: Unavailable in bounded time, and back without help (design 3.4
and 10).
"""

import asyncio
from collections.abc import Awaitable

import pytest

from callplane.bus.names import session_name
from callplane.bus.ports import Delivery, Listener, Sender
from callplane.bus.rabbitmq import RabbitBus, RabbitSettings, open_bus
from callplane.bus.rabbitmq.connection import Timings
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import ParticipantId, SessionId
from testkit.inprocess.bus import (
    FAST,
    RabbitCorner,
    ScriptedHandler,
    command,
    is_listening_to,
    message,
    session,
    until,
)
from testkit.inprocess.bus_reading import reading
from testkit.servers.machine_time import machine_time, within
from testkit.servers.servers import Vhost

ANN = ParticipantId("ann")
HASTY = Timings(confirm=0.5, call=0.5, connect=1.0, longest_pause=0.2)
UNHURRIED = Timings(heartbeat=60, confirm=6.0)
"""A publication is tried twice, for so long each: a busy machine may stand still within the second."""
IMPATIENT = Timings(confirm=0.5, longest_pause=0.2)
"""With publications alone."""


async def away_within(seconds: float, doing: Awaitable[object]) -> None:
    """Raises Unavailable, and soon enough."""
    async with within(seconds):
        with pytest.raises(Unavailable):
            await doing


async def is_down(bus: RabbitBus) -> bool:
    """Whether both connections are known to be over."""
    return not bus.publishing.up() and not bus.consuming.up()


async def is_answered(listener: Listener, sender: Sender, where: SessionId) -> bool:
    """Whether it could be listened to, and a command was carried out: who is hasty gives up on a busy machine."""
    try:
        await listener.listen(where)
        return await sender.send(command(where), wait=20) is not None
    except Unavailable:
        return False


@pytest.mark.long
async def test_a_stopped_broker_is_away_and_everything_comes_back_after_it(own_vhost: Vhost) -> None:
    """Every port says Unavailable at once; queues, consumers and reply queue are there again by themselves."""
    told, where, other = ScriptedHandler(), session(), session()
    corner = RabbitCorner(own_vhost.url)
    async with corner.bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        await listener.listen(where)
        await bus.topology.open_mailbox(where, ANN)
        assert await sender.send(command(where), wait=20) is not None
        await bus.messenger.to_session(where, [message("before", where)])
        await own_vhost.node.stop()
        await until(lambda: is_down(bus))
        await away_within(5, sender.send(command(where), wait=20))
        await away_within(1, sender.post(command(where)))
        await away_within(1, bus.messenger.to_session(where, [message("1", where)]))
        await away_within(1, bus.messenger.to_participant(ANN, message("1", where)))
        await away_within(1, bus.topology.open_session(where))
        await away_within(1, bus.topology.delete_mailbox(ANN))
        await away_within(1, listener.listen(other))
        await away_within(1, bus.wait_up(0.1))
        assert listener.listening() == frozenset()
        await own_vhost.node.start()
        await bus.wait_up(20)
        await until(lambda: is_listening_to(listener, 1))
        assert await sender.send(command(where), wait=20) is not None
        # What could not be declared then is asked for again.
        assert await asyncio.wait_for(told.cancelled.get(), 20) == other
        async with reading(corner, ANN) as (of_ann,):
            assert await of_ann.ids(1) == ["before"]


async def test_a_paused_broker_is_away_in_bounded_time(own_vhost: Vhost) -> None:
    """Nothing waits longer than its confirm, and what was not confirmed is sent once more."""
    told, where = ScriptedHandler(), session()
    settings = RabbitSettings(own_vhost.url, timings=HASTY, limits=FAST)
    async with open_bus(settings) as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        await bus.wait_up(20)
        await until(lambda: is_answered(listener, sender, where))
        own_vhost.node.pause()
        try:
            await away_within(1.5, sender.send(command(where), wait=20))
            await away_within(1, bus.messenger.to_session(where, [message("1", where)]))
            await away_within(1.5, bus.topology.open_session(where))
        finally:
            own_vhost.node.resume()
        reply = await sender.send(command(where), wait=8)
        assert reply is not None


async def test_an_unconfirmed_command_is_sent_once_more_under_its_id(own_vhost: Vhost) -> None:
    """The first try gets no confirm in time, the second does: the wrapper sees one command, twice."""
    told, where = ScriptedHandler(), session()
    settings = RabbitSettings(own_vhost.url, timings=UNHURRIED, limits=FAST)
    async with open_bus(settings) as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        await bus.wait_up(20)
        await listener.listen(where)
        await sender.post(command(where))
        await told.until(1)
        own_vhost.node.pause()
        sent = command(where)
        posting = asyncio.ensure_future(sender.post(sent))
        await asyncio.sleep(UNHURRIED.confirm + 0.4)
        assert not posting.done()
        own_vhost.node.resume()
        await posting
        await told.until(3)
        assert told.commands[1:] == [sent.id, sent.id]


async def test_a_silent_broker_is_given_up_by_heartbeat(own_vhost: Vhost) -> None:
    """The connection is made anew; what is listened to is consumed again."""
    told, where = ScriptedHandler(), session()
    settings = RabbitSettings(own_vhost.url, timings=Timings(heartbeat=1), limits=FAST)
    async with open_bus(settings) as bus:
        await bus.wait_up(20)
        async with bus.listener(told.work()) as listener, bus.sender() as sender:
            await listener.listen(where)
            own_vhost.node.pause()
            try:
                await until(lambda: is_down(bus))
            finally:
                own_vhost.node.resume()
            await bus.wait_up(10)
            await until(lambda: is_listening_to(listener, 1))
            assert await sender.send(command(where), wait=20) is not None


async def test_a_wrapper_leaves_in_time_though_the_broker_is_silent(own_vhost: Vhost) -> None:
    """SIGTERM gives two seconds."""

    async def hang(_: Delivery) -> None:
        await asyncio.Event().wait()

    told, where = ScriptedHandler(act=hang), session()
    async with machine_time() as ran:
        async with RabbitCorner(own_vhost.url).bus() as bus, bus.sender() as sender:
            async with bus.listener(told.work()) as listener:
                await listener.listen(where)
                await sender.post(command(where))
                await told.until(1)
                own_vhost.node.pause()
                start = ran()
                await listener.drain()
            drained, start = ran() - start, ran()
        closed = ran() - start
    own_vhost.node.resume()  # before anything is judged: all that come after would wait for it
    assert (drained < 2, closed < 2) == (True, True), (drained, closed)


async def test_a_queue_deleted_while_we_were_away_does_not_come_back(own_vhost: Vhost) -> None:
    """A consumer that re-attaches declares nothing: it tells the wrapper, which reads the status."""
    told, gone, stays = ScriptedHandler(), session(), session()
    corner = RabbitCorner(own_vhost.url)
    slow = RabbitSettings(own_vhost.url, timings=Timings(first_pause=1.0), limits=FAST)
    async with corner.bus() as other, other.sender() as sender, open_bus(slow) as bus:
        await bus.wait_up(20)
        async with bus.listener(told.work()) as listener:
            await listener.listen(gone)
            await listener.listen(stays)
            bus.consuming.drop()
            await until(lambda: is_listening_to(listener, 0))
            await other.topology.delete_session(gone)
            await until(lambda: is_listening_to(listener, 1))
            assert await asyncio.wait_for(told.cancelled.get(), 20) == gone
            assert await sender.send(command(stays), wait=20) is not None
            assert session_name(gone) not in await own_vhost.queues()
            assert session_name(gone) not in await own_vhost.exchanges()


async def test_an_alarm_blocks_publishing_only(own_vhost: Vhost) -> None:
    """On a memory alarm the broker stops reading from connections that publish: replies and acks still come in."""
    told, where = ScriptedHandler(), session()
    shell = own_vhost.node.shell
    settings = RabbitSettings(own_vhost.url, timings=IMPATIENT, limits=FAST)
    async with open_bus(settings) as bus:
        await bus.wait_up(20)
        async with bus.listener(told.work()) as listener:
            await listener.listen(where)
            await shell.ask("vm_memory_monitor:set_vm_memory_high_watermark(0.000001), true")
            try:
                # The connection that publishes is blocked once it has published.
                await away_within(5, bus.messenger.to_session(where, [message("1", where)]))
                await away_within(5, bus.messenger.to_session(where, [message("2", where)]))
                await bus.topology.open_session(session())
                await listener.listen(session())
                assert bus.up()
            finally:
                await shell.ask("vm_memory_monitor:set_vm_memory_high_watermark(0.4), true")

            async def published() -> bool:
                try:
                    await bus.messenger.to_session(where, [message("3", where)])
                except Unavailable:
                    return False
                return True

            await until(published)
