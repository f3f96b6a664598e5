"""The queues that all sessions share, replicated where operators want it; and what a broker that refuses says."""

import aio_pika
import pytest

from callplane.bus.rabbitmq import RabbitBus, RabbitSettings, open_bus
from callplane.contracts.errors import Trouble
from testkit.inprocess.bus import FAST, RabbitCorner, ScriptedHandler, command, creation, message, session
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
        await listener.listen_shared()
        await listener.listen(where)
        assert await sender.send(command(where), wait=8) is not None
        assert told.attempts == [1, 2]
        assert await sender.send(creation(), wait=8) is not None


@pytest.mark.timeout(60)
async def test_what_is_replicated_has_another_name_and_what_waits_under_the_old_one_is_drained(vhost: Vhost) -> None:
    """A queue's type never changes: the twins are other queues, and the setting may be changed and changed back."""
    first, later = creation(), creation()
    async with RabbitCorner(vhost.url).bus() as old, old.sender() as sender:
        await sender.post(first)
    async with open_bus(RabbitSettings(vhost.url, limits=FAST, quorum=True)) as bus:
        await bus.wait_up(5)
        told = ScriptedHandler()
        async with bus.listener(told.work()) as listener, RabbitCorner(vhost.url).bus() as old, old.sender() as sender:
            await listener.listen_shared()
            await told.until(1)
            await works(bus)
            # Of the other setting still, and after a wrapper of the new one.
            assert await sender.send(later, wait=8) is not None
        now = await types(vhost)
        assert {queue for queue, kind in now.items() if kind == "quorum"} == {
            f"quorum.{q}" for q in (WRAPPER, RETRY, DEAD)
        }
        assert {now[queue] for queue in (WRAPPER, RETRY, DEAD)} == {"classic"}
        async with bus.sender() as sender:
            await sender.post(creation())
    told = ScriptedHandler()
    async with RabbitCorner(vhost.url).bus() as back, back.listener(told.work()) as listener:
        await listener.listen_shared()
        await told.until(1)
        assert await back.topology.depths() == {WRAPPER: 0, RETRY: 0, DEAD: 0}


async def test_letters_of_either_setting_are_listed_and_sent_again(vhost: Vhost) -> None:
    """Those that were buried before the setting changed come first."""
    for quorum in (False, True):
        async with open_bus(RabbitSettings(vhost.url, limits=FAST, quorum=quorum)) as bus, bus.sender() as sender:
            await bus.wait_up(5)
            told = ScriptedHandler(outcomes=[KeyError()])
            async with bus.listener(told.work()) as listener:
                await listener.listen_shared()
                assert await sender.send(creation(), wait=8) is not None
    async with open_bus(RabbitSettings(vhost.url, limits=FAST, quorum=True)) as bus:
        await bus.wait_up(5)
        letters = await bus.dead_letters.oldest()
        assert [letter.queue for letter in letters] == ["wrapper", "quorum.wrapper"]
        await bus.dead_letters.delete(letters[0].id)
        assert [letter.id for letter in await bus.dead_letters.oldest()] == [letters[1].id]


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
