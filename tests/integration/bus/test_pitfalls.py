"""What RabbitMQ and its Python client do to the unwary, each shown not to happen to us."""

import asyncio

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue

from callplane.bus.names import session_name
from callplane.bus.ports import Delivery
from callplane.bus.rabbitmq import RabbitBus, arguments
from callplane.bus.rabbitmq.publisher import Address, AmqpMessage
from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.ids import ParticipantId, new_id
from testkit.inprocess.bus import RabbitCorner, ScriptedHandler, channel_pids, command, equal, message, session, until
from testkit.servers.servers import Vhost

ANN = ParticipantId("ann")


async def test_publish_and_consume_have_a_connection_each(vhost: Vhost) -> None:
    """The names show who is who in the broker's own list."""
    async with (
        RabbitCorner(vhost.url).bus() as bus,
        bus.sender() as sender,
        bus.listener(ScriptedHandler().work()) as listener,
    ):
        where = session()
        await listener.listen(where)
        assert await sender.send(command(where), wait=20) is not None
        rows = await vhost.node.shell.ask(
            "[#{vhost => V, name => N} || [{vhost, V}, {client_properties, P}]"
            " <- rabbit_networking:connection_info_all([vhost, client_properties]),"
            ' {<<"connection_name">>, _, N} <- P]'
        )
        assert sorted(row["name"] for row in rows if row["vhost"] == vhost.name) == [
            "callplane-consuming",
            "callplane-publishing",
        ]


async def test_everything_is_durable_and_nothing_is_left_behind(vhost: Vhost) -> None:
    """After the programs have gone only permanent things and what belongs to a session are there."""
    where = session()
    async with (
        RabbitCorner(vhost.url).bus() as bus,
        bus.sender() as sender,
        bus.listener(ScriptedHandler().work()) as listener,
    ):
        await listener.listen(where)
        await bus.topology.open_mailbox(where, ANN)
        assert await sender.send(command(where), wait=20) is not None
    rows = await vhost.node.shell.ask(
        "[#{name => N, durable => D, auto_delete => A, type => atom_to_binary(T, utf8)}"
        " || [{name, {resource, _, queue, N}}, {durable, D}, {auto_delete, A}, {type, T}]"
        f' <- rabbit_amqqueue:info_all(<<"{vhost.name}">>, [name, durable, auto_delete, type])]'
    )
    permanent = {"wrapper", "retry", "dead-letters", "timeline"}
    assert {row["name"] for row in rows} == permanent | {session_name(where), f"user.{ANN}"}
    assert {(row["durable"], row["auto_delete"], row["type"]) for row in rows} == {(True, False, "classic")}
    assert await vhost.exchanges() == {"messages", "retry", "events", "media-servers", session_name(where)}


async def test_a_session_of_the_log_engine_has_no_exchange(vhost: Vhost) -> None:
    """It would be kept for hours by every node, with a binding, and nobody publishes to it."""
    where = session()
    async with RabbitCorner(vhost.url).bus() as bus, bus.listener(ScriptedHandler().work()) as listener:
        await bus.topology.open_commands(where)
        await listener.listen(where, engine="log")
        assert session_name(where) in await vhost.queues()
        assert await vhost.exchanges() == {"messages", "retry", "events", "media-servers"}


async def test_arguments_are_for_ever(vhost: Vhost) -> None:
    """These very arguments are on the broker: whoever declares others gets a 406."""
    async with RabbitCorner(vhost.url).bus() as bus, await aio_pika.connect(vhost.url) as connection:
        where = session()
        await bus.topology.open_session(where)
        await bus.topology.open_mailbox(where, ANN)
        channel = await connection.channel()
        mailbox = {"x-queue-type": "classic", "x-single-active-consumer": True}
        mailbox |= {"x-expires": 3_600_000, "x-max-length": 10_000}
        await channel.declare_queue(f"user.{ANN}", durable=True, arguments=mailbox)
        retry = {"x-queue-type": "classic", "x-message-ttl": 1000, "x-dead-letter-exchange": ""}
        await channel.declare_queue("retry", durable=True, arguments=retry)
        assert mailbox == arguments.MAILBOX_ARGUMENTS
        assert retry == arguments.RETRY_ARGUMENTS
        with pytest.raises(aio_pika.exceptions.ChannelPreconditionFailed):
            await channel.declare_queue(f"user.{ANN}", durable=True, arguments=mailbox | {"x-expires": 1})


async def test_a_deleted_session_costs_no_channel(vhost: Vhost) -> None:
    """Naming a deleted exchange would close the channel and, pipelined, the connection with all that is on it."""
    async with RabbitCorner(vhost.url).bus() as bus:
        where = session()
        await bus.topology.open_session(where)
        await bus.messenger.to_session(where, [message("1", where)])
        before = await channel_pids(vhost)
        await bus.topology.delete_session(where)
        await asyncio.gather(*(bus.messenger.to_session(where, [message("2", where)] * 20) for _ in range(20)))
        assert before <= await channel_pids(vhost)
        assert not await bus.messenger.to_participant(ANN, message("3", where))
        assert bus.up()


async def test_a_broker_that_lost_its_exchanges_gets_them_again(vhost: Vhost) -> None:
    """Even the permanent ones can vanish with a disk: the first publish fails, the next finds them declared."""
    async with RabbitCorner(vhost.url).bus() as bus, bus.listener(ScriptedHandler().work()) as listener:
        where = session()
        await listener.listen(where)
        await bus.messenger.to_session(where, [message("1", where)])
        async with await aio_pika.connect(vhost.url) as connection:
            channel = await connection.channel()
            await channel.exchange_delete("messages")
            with pytest.raises(Unavailable):
                await bus.messenger.to_session(where, [message("2", where)])
            await bus.messenger.to_session(where, [message("3", where)])
            await channel.queue_delete("wrapper")
            await until(lambda: equal(vhost.consumers(), "wrapper", 1))


async def test_a_wrapper_holds_one_command_of_a_session(vhost: Vhost) -> None:
    """Per consumer, though they share channels: the second stays in the queue for another wrapper."""

    async def hang(_: Delivery) -> None:
        await asyncio.Event().wait()

    told, sessions = ScriptedHandler(act=hang), [session() for _ in range(30)]
    async with RabbitCorner(vhost.url).bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        for where in sessions:
            await listener.listen(where)
            await sender.post(command(where))
            await sender.post(command(where))
        await told.until(30)
        await asyncio.sleep(0.1)
        assert len({delivery.envelope.session_id for delivery in told.deliveries}) == 30
        assert len(told.deliveries) == 30
        queues = await vhost.queues()
        assert [queues[session_name(where)] for where in sessions] == [2] * 30


async def test_commands_of_one_caller_keep_their_order(vhost: Vhost) -> None:
    """aiormq makes a task of each delivery; with one at a time nothing can be overtaken."""
    told, where = ScriptedHandler(), session()
    async with RabbitCorner(vhost.url).bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        await bus.topology.open_session(where)
        commands = [command(where) for _ in range(100)]
        await asyncio.gather(*(sender.post(each) for each in commands))
        await listener.listen(where)
        await told.until(100)
    assert told.commands == [each.id for each in commands]


async def test_what_waits_for_its_retry_keeps_its_properties(vhost: Vhost) -> None:
    """Whom to answer, which command, which trace; and a session deleted meanwhile lets it go."""
    told, where = ScriptedHandler(outcomes=[Trouble("x") for _ in range(4)]), session()
    async with RabbitCorner(vhost.url).bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        await listener.listen(where)
        sent = command(where)
        await sender.post(sent)
        async with await aio_pika.connect(vhost.url) as connection:
            queue = await (await connection.channel()).get_queue("retry", ensure=False)
            letter = await _letter(queue)
            assert (letter.message_id, letter.correlation_id, letter.routing_key) == (
                sent.id,
                sent.id,
                session_name(where),
            )
            # The second attempt's, where the machine did not stand still for longer than a letter stays there.
            assert letter.headers == {"attempt": len(told.attempts) + 1, "traceparent": sent.traceparent}
            assert letter.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
            await letter.reject(requeue=True)
        await bus.topology.delete_session(where)
        await until(lambda: equal(vhost.queues(), "retry", 0))
        assert (await vhost.queues())["dead-letters"] == 0


async def _letter(queue: AbstractQueue) -> AbstractIncomingMessage:
    """The first message that is there; it stays for a second only."""
    async with asyncio.timeout(20):
        while True:
            letter = await queue.get(fail=False)
            if letter is not None:
                return letter
            await asyncio.sleep(0.01)


async def test_a_publication_has_a_token_of_its_own(vhost: Vhost) -> None:
    """The same event published twice is two publications: a mailbox acknowledges by the AMQP id."""
    where = session()
    async with RabbitCorner(vhost.url).bus() as bus, await aio_pika.connect(vhost.url) as connection:
        await bus.topology.open_session(where)
        await bus.topology.open_mailbox(where, ANN)
        await bus.messenger.to_session(where, [message("same", where)] * 2)
        queue = await (await connection.channel()).get_queue(f"user.{ANN}", ensure=False)
        letters = [await queue.get() for _ in range(2)]
        assert len({letter.message_id for letter in letters if letter}) == 2


async def test_cancelling_is_never_forgotten(vhost: Vhost) -> None:
    """Python 3.11's wait_for forgets a cancellation that meets the answer, and aiormq waits by it."""
    async with RabbitCorner(vhost.url).bus() as bus:
        await bus.topology.open_session(session())
        for steps in range(60):
            task = asyncio.ensure_future(bus.topology.open_session(session()))
            for _ in range(steps):
                await asyncio.sleep(0)
            if task.cancel():
                await asyncio.wait([task], timeout=10)
                assert task.cancelled()


async def test_a_publish_that_is_cancelled_spoils_no_other(vhost: Vhost) -> None:
    """Cancelled between its frames or before its confirm: the channel's count of confirms stays right."""
    async with RabbitCorner(vhost.url).bus() as bus:
        assert isinstance(bus, RabbitBus)
        await bus.publisher.publish(AmqpMessage(b"", new_id()), Address("", "wrapper", mandatory=True), key="k")
        for steps in range(12):
            task = asyncio.ensure_future(
                bus.publisher.publish(AmqpMessage(b"", new_id()), Address("", "wrapper", mandatory=True), key="k")
            )
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            await bus.publisher.publish(AmqpMessage(b"", new_id()), Address("", "wrapper", mandatory=True), key="k")
