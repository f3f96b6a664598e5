"""The queues that all sessions share, replicated where operators want it; and what a broker that refuses says."""

import aio_pika
import pytest

from callplane.bus.rabbitmq import RabbitBus, RabbitSettings, open_bus
from callplane.contracts.errors import Trouble
from testkit.inprocess.bus import FAST, RabbitCorner, ScriptedHandler, command, creation, equal, message, session, until
from testkit.servers.servers import Vhost

WRAPPER, RETRY, DEAD = "wrapper", "retry", "dead-letters"


async def types(vhost: Vhost) -> dict[str, str]:
    """Every queue with its type."""
    rows = await vhost.node.shell.ask(
        "[#{name => N, type => atom_to_binary(T, utf8)} || [{name, {resource, _, queue, N}}, {type, T}]"
        f' <- rabbit_amqqueue:info_all(<<"{vhost.name}">>, [name, type])]'
    )
    return {row["name"]: row["type"].removeprefix("rabbit_").removesuffix("_queue") for row in rows}


async def works(bus: RabbitBus) -> None:
    """Creations are answered, and a command in trouble is tried again."""
    told, where = ScriptedHandler(outcomes=[Trouble("once")]), session()
    async with bus.listener(told.work()) as listener, bus.sender() as sender:
        await listener.listen(where)
        assert await sender.send(command(where), wait=8) is not None
        assert told.attempts == [1, 2]
        assert await sender.send(creation(), wait=8) is not None


@pytest.mark.timeout(60)
async def test_what_is_there_stays_as_it_is_until_an_operator_deletes_it(vhost: Vhost) -> None:
    """A queue of another type is a 406 for whoever declares it, and serves all the same; deleted, it is made anew."""
    quorum = RabbitSettings(vhost.url, limits=FAST, quorum=True)
    async with RabbitCorner(vhost.url).bus() as old:
        await old.topology.open_session(session())
    assert {(await types(vhost))[queue] for queue in (WRAPPER, RETRY, DEAD)} == {"classic"}
    async with open_bus(quorum) as bus, await aio_pika.connect(vhost.url) as connection:
        await bus.wait_up(5)
        await works(bus)
        assert (await types(vhost))[WRAPPER] == "classic"
        channel = await connection.channel()
        async with bus.listener(ScriptedHandler().work()):
            await until(lambda: equal(vhost.consumers(), WRAPPER, 1))
            for queue in (RETRY, WRAPPER):
                await channel.queue_delete(queue)
            await until(lambda: equal(vhost.consumers(), WRAPPER, 1))
        bus.consuming.drop()
    async with open_bus(quorum) as bus:
        await bus.wait_up(5)
        await works(bus)
    now = await types(vhost)
    assert [now[queue] for queue in (WRAPPER, RETRY, DEAD)] == ["quorum", "quorum", "classic"]


async def test_a_mailbox_that_refuses_holds_up_no_other(vhost: Vhost) -> None:
    """As later versions of RabbitMQ say of one on a node that is down: some have it, and nobody waits for the rest."""
    where = session()
    async with RabbitCorner(vhost.url).bus() as bus, await aio_pika.connect(vhost.url) as connection:
        await bus.topology.open_session(where)
        channel = await connection.channel()
        well = await channel.declare_queue("well", durable=True)
        full = {"x-max-length": 0, "x-overflow": "reject-publish"}
        refusing = await channel.declare_queue("refusing", durable=True, arguments=full)
        assert await bus.messenger.to_session(where, [message("1", where)]) == "none"
        await well.bind(f"session.{where}", routing_key="")
        assert await bus.messenger.to_session(where, [message("2", where)]) == "all"
        await refusing.bind(f"session.{where}", routing_key="")
        assert await bus.messenger.to_session(where, [message("3", where), message("4", where)]) == "some"
        assert [(await well.get(timeout=5)) is not None for _ in range(3)] == [True] * 3
        assert bus.up()
