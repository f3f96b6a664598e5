"""Node faults of a RabbitMQ cluster's second node, and how it comes back: few in every run, else all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cli.machine.rabbitmq_cluster import RabbitCluster
from testkit.crashes.crash_modes import ALL


@dataclass(frozen=True)
class Fault:
    """One way to lose a node."""

    name: str

    def __str__(self) -> str:
        """For the name of a test."""
        return self.name

    @asynccontextmanager
    async def __call__(self, cluster: RabbitCluster) -> AsyncIterator[None]:
        """The node is away for the block, and the cluster whole after it."""
        node = cluster.nodes[1]
        match self.name:
            case "kill":
                await node.kill()
            case "stop":
                await node.stop()
            case "pause":
                node.pause()
            case "partition":
                await cluster.partition(node)
        yield
        match self.name:
            case "kill" | "stop":
                await node.start()
            case "pause":
                node.resume()
            case "partition":
                await cluster.heal(node)
        await cluster.whole()


FAULTS = [Fault(name) for name in (("kill", "stop", "pause", "partition") if ALL else ("kill",))]
"""``FAULTS=all`` tries every way."""
