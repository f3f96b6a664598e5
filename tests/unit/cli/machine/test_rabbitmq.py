"""The RabbitMQ launcher, on the real thing."""

from pathlib import Path

import aio_pika
import pytest

from cli.machine.erlang import ErlangError
from cli.machine.rabbitmq import rabbitmq
from testkit.servers.processes import marked
from testkit.servers.servers import Vhost


async def test_a_vhost_is_empty_at_first_and_shows_what_is_declared(vhost: Vhost) -> None:
    assert await vhost.queues() == {}
    assert await vhost.exchanges() == set()
    connection = await aio_pika.connect(vhost.url)
    async with connection, connection.channel() as channel:
        await channel.declare_exchange("news", "fanout", durable=True)
        queue = await channel.declare_queue("post", durable=True)
        await channel.default_exchange.publish(aio_pika.Message(b"hello"), routing_key="post")
        await queue.get(no_ack=False)
        assert await vhost.exchanges() == {"news"}
        assert await vhost.queues() == {"post": 1}
        assert await vhost.consumers() == {"post": 0}


async def test_an_error_in_the_shell_is_told(vhost: Vhost) -> None:
    with pytest.raises(ErlangError, match="badarith"):
        await vhost.node.shell.ask("1 + a")


@pytest.mark.timeout(60)
async def test_a_node_keeps_its_queues_over_a_kill_and_leaves_no_process(tmp_path: Path) -> None:
    async with rabbitmq(tmp_path / "node") as node:
        connection = await aio_pika.connect(node.url())
        async with connection, connection.channel() as channel:
            await channel.declare_queue("kept", durable=True)
        assert await node.shell.ask("mnesia:sync_log(), true"), "what was declared is on the disk"
        await node.kill()
        assert marked(str(tmp_path)) == {}
        await node.start()
        assert await Vhost(node, "/").queues() == {"kept": 0}
    assert marked(str(tmp_path)) == {}
