"""Corners of servers of several nodes: a virtual host on a RabbitMQ cluster, a database on a replica set of three."""

import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

from cli.machine.erlang import Shell
from cli.machine.rabbitmq import RabbitMQ
from cli.machine.rabbitmq_cluster import RabbitCluster
from cli.machine.replica_set import ReplicaSet
from testkit.servers.servers import Database, Vhost


@dataclass(frozen=True)
class ClusterVhost(Vhost):
    """A virtual host on every node of a cluster; ``node`` is where ``url`` leads."""

    cluster: RabbitCluster

    @property
    def shell(self) -> Shell:
        """The shell of a node that runs."""
        return self.cluster.shell

    def via(self, node: RabbitMQ) -> str:
        """Its address on a node."""
        return node.url(self.name)

    async def homes(self) -> dict[str, str]:
        """Every durable queue of one node with its name, whether that runs or not; none of what is replicated."""
        rows = await self.shell.ask(
            "[[N, atom_to_binary(node(amqqueue:get_pid(Q)))] || K <- mnesia:dirty_all_keys(rabbit_durable_queue),"
            f" {{resource, V, queue, N}} <- [K], V == {self._binary}, Q <- mnesia:dirty_read(rabbit_durable_queue, K),"
            " is_pid(amqqueue:get_pid(Q))]"
        )
        return {name: node for name, node in rows}


@dataclass(frozen=True)
class SetDatabase(Database):
    """A database on a replica set of several members."""

    replica_set: ReplicaSet

    @property
    def address(self) -> str:
        """The address that names every member."""
        return self.replica_set.url


async def repaired(servers: RabbitCluster | ReplicaSet) -> None:
    """Start what an earlier test left down, let go on what it left paused, and wait until all is one again."""
    for process in servers.processes:
        process.resume()
    await servers.start()
    if isinstance(servers, RabbitCluster):
        for node in servers.nodes:
            await servers.heal(node)
    await servers.whole()


@contextlib.asynccontextmanager
async def vhost_of(cluster: RabbitCluster) -> AsyncIterator[ClusterVhost]:
    """A new virtual host for the block."""
    await repaired(cluster)
    vhost = ClusterVhost(cluster.nodes[0], f"test-{uuid.uuid4().hex[:12]}", cluster)
    await vhost.create()
    try:
        yield vhost
    finally:
        await repaired(cluster)
        await vhost.delete()


@contextlib.asynccontextmanager
async def database_of(replica_set: ReplicaSet) -> AsyncIterator[SetDatabase]:
    """A new database for the block."""
    await repaired(replica_set)
    database = SetDatabase(replica_set.members[0], f"test_{uuid.uuid4().hex[:12]}", replica_set)
    try:
        yield database
    finally:
        await repaired(replica_set)
        await database.drop()
