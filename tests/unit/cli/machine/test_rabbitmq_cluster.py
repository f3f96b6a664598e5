"""The launcher of RabbitMQ clusters, on the real thing."""

import asyncio

import aio_pika
import pytest

from cli.machine.rabbitmq import RabbitMQ
from testkit.servers.clusters import ClusterVhost
from testkit.servers.until import until

pytestmark = pytest.mark.clusters


async def declared(vhost: ClusterVhost, node: RabbitMQ, name: str) -> None:
    """Declare a durable queue through a node, where it will lie, and put one message into it."""
    connection = await aio_pika.connect(vhost.via(node))
    async with connection, connection.channel() as channel:
        await channel.declare_queue(name, durable=True)
        body = aio_pika.Message(b"hello", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(body, routing_key=name)


async def seen_by(vhost: ClusterVhost, node: RabbitMQ) -> int:
    """How many nodes run as this one sees it."""
    seen: int = await node.shell.ask("length(mnesia:system_info(running_db_nodes))")
    return seen


@pytest.mark.timeout(60)
async def test_queues_lie_on_one_node_each_and_come_back_with_it(cluster_vhost: ClusterVhost) -> None:
    cluster = cluster_vhost.cluster
    first, second = cluster.nodes
    for node in (first, second):
        await declared(cluster_vhost, node, f"on-{node.name}")
    assert await cluster_vhost.homes() == {f"on-{node.name}": node.name for node in (first, second)}
    await second.kill()
    assert cluster.running == [first]
    # Its queue is still known, and nobody can say what is in it.
    assert (await cluster_vhost.queues())[f"on-{first.name}"] == 1
    assert f"on-{second.name}" in await cluster_vhost.homes()
    await cluster.start()
    await cluster.whole()
    assert await cluster_vhost.queues() == {f"on-{node.name}": 1 for node in (first, second)}


@pytest.mark.timeout(60)
async def test_a_node_that_is_cut_off_stays_so_until_it_is_healed(cluster_vhost: ClusterVhost) -> None:
    cluster = cluster_vhost.cluster
    first, second = cluster.nodes
    await cluster.partition(second)

    async def apart() -> bool:
        return [await seen_by(cluster_vhost, node) for node in (first, second)] == [1, 1]

    await until(apart)
    # Both serve clients, and neither gets to the other, whichever tries.
    for node, other in ((first, second), (second, first)):
        await declared(cluster_vhost, node, f"apart-{node.name}")
        assert await node.shell.ask(f"net_kernel:connect_node('{other.name}')") is False
    await asyncio.sleep(0)
    assert await apart()
    await cluster.heal(second)
    await cluster.whole()
    assert [await seen_by(cluster_vhost, node) for node in (first, second)] == [2, 2]
