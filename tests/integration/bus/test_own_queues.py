"""A program's own queue is gone while its connection stands: it gets another, for else nobody would reach it again."""

from callplane.contracts.errors import Unavailable
from testkit.inprocess.bus import RabbitCorner, ScriptedHandler, command, session, until
from testkit.servers.servers import Vhost


async def delete(vhost: Vhost, prefix: str) -> None:
    """Delete one that is exclusive, which no other connection may."""
    [name] = [queue for queue in await vhost.queues() if queue.startswith(prefix)]
    await vhost.node.shell.ask(
        f'(fun() -> {{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"{vhost.name}">>, queue, <<"{name}">>)),'
        ' rabbit_amqqueue:delete(Q, false, false, <<"tests">>), true end)()'
    )


async def test_replies_come_to_a_new_queue(vhost: Vhost) -> None:
    where = session()
    async with (
        RabbitCorner(vhost.url).bus() as bus,
        bus.listener(ScriptedHandler().work()) as listener,
        bus.sender() as sender,
    ):
        await listener.listen(where)
        assert await sender.send(command(where), wait=20) is not None
        await delete(vhost, "amq.gen")

        async def answered() -> bool:
            try:
                return await sender.send(command(where), wait=1) is not None
            except Unavailable:
                return False

        await until(answered)


async def test_a_pod_without_its_queue_has_no_link(vhost: Vhost) -> None:
    """Other pods could not answer it: it starts again, as after any loss."""
    async with RabbitCorner(vhost.url).mailboxes.connect(lambda _: None) as link:
        await delete(vhost, "pod.")

        async def ended() -> bool:
            return link.ended.is_set()

        await until(ended)
