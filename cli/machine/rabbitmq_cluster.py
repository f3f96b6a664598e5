"""RabbitMQ cluster of private nodes; each can be killed, stopped, paused, cut off and started again."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from cli.machine.epmd import Epmd
from cli.machine.erlang import ErlangError, Shell
from cli.machine.ports import free_ports
from cli.machine.process import POLL, Process
from cli.machine.rabbitmq import Membership, RabbitMQ

# As RabbitMQ's Kubernetes operator sets it for three; of two nodes neither is a majority, and a death would pause both.
_MAJORITY = "cluster_partition_handling = pause_minority\n"
_PAIR = "cluster_partition_handling = autoheal\n"
_TICK = "net_ticktime = {seconds}\n"


@dataclass
class RabbitCluster:
    """Nodes of one cluster in subdirectories of ``directory``; ``nodes[0]`` is the one that the others join."""

    directory: Path
    count: int = 2
    tick: int = 60
    """Seconds after which a silent node counts as down (RabbitMQ's ``net_ticktime``)."""
    nodes: list[RabbitMQ] = field(init=False)
    _epmd: Epmd = field(init=False)

    def __post_init__(self) -> None:
        epmd, *ports = free_ports(1 + 2 * self.count)
        self._epmd = Epmd(epmd, self.directory / "epmd.log")
        names = [f"callplane-{n}@localhost" for n in range(1, self.count + 1)]
        handling = (_MAJORITY if self.count > 2 else _PAIR) + _TICK.format(seconds=self.tick)
        membership = Membership(names[0], secrets.token_hex(16), handling)
        self.nodes = [
            RabbitMQ(self.directory / name.partition("@")[0], ports.pop(), epmd, ports.pop(), name, membership)
            for name in names
        ]

    @property
    def running(self) -> list[RabbitMQ]:
        """The nodes whose process lives."""
        return [node for node in self.nodes if node.processes and node.process.returncode is None]

    @property
    def process(self) -> Process:
        """The process of a node that runs, else the first's."""
        return next(iter(self.running), self.nodes[0]).process

    @property
    def processes(self) -> list[Process]:
        """Everything that runs for it."""
        return [process for node in self.nodes for process in node.processes] + self._epmd.processes

    @property
    def shell(self) -> Shell:
        """The Erlang shell of the first node that runs."""
        return Shell(self.process)

    def url(self, vhost: str = "/") -> str:
        """The address of a virtual host on the first node that runs."""
        return next(iter(self.running), self.nodes[0]).url(vhost)

    async def start(self) -> None:
        """Start what does not run: new nodes in turn, for they join the first; others side by side, for they wait for
        the one that ended last."""
        self._epmd.start()
        missing = [node for node in self.nodes if node not in self.running]
        new = [node for node in missing if not node.directory.exists()]
        async with asyncio.TaskGroup() as group:
            for node in missing:
                if node not in new:
                    group.create_task(node.start())
        for node in new:
            await node.start()

    async def stop(self) -> None:
        """Stop every node in peace, the first last."""
        for node in reversed(self.nodes):
            await node.stop()
        await self._epmd.stop()

    async def partition(self, node: RabbitMQ) -> None:
        """Cut one node off from the others; clients reach both sides. Back when both sides have noticed."""
        async with asyncio.TaskGroup() as group:
            for other in self._others(node):
                # Each expects a cookie that the other does not have, so that neither can connect again.
                for here, there in ((node, other), (other, node)):
                    group.create_task(_cookie(here, there, secrets.token_hex(16), "erlang:disconnect_node(N)"))

    async def heal(self, node: RabbitMQ) -> None:
        """Let a node that was cut off reach the others again; what RabbitMQ makes of it takes its time."""
        async with asyncio.TaskGroup() as group:
            for other in self._others(node):
                for here, there in ((node, other), (other, node)):
                    group.create_task(_cookie(here, there, self._cookie_of(node), "net_kernel:connect_node(N)"))

    async def whole(self, within: float = 60.0) -> None:
        """Wait until every node runs and sees all the others: after a start, and after a partition."""
        async with asyncio.timeout(within):
            while True:
                if all([await self._sees_all(node) for node in self.nodes]):
                    return
                await asyncio.sleep(POLL)

    async def _sees_all(self, node: RabbitMQ) -> bool:
        seen = "length(mnesia:system_info(running_db_nodes))"
        apart = "length(rabbit_node_monitor:partitions())"
        try:
            said = await node.shell.ask(f"[rabbit:is_running(node()), {seen}, {apart}]")
        except (ErlangError, TimeoutError):  # it is being started again after a partition, or is slow to wake up
            return False
        return bool(said == [True, self.count, 0])

    def _others(self, node: RabbitMQ) -> list[RabbitMQ]:
        return [other for other in self.running if other is not node]

    @staticmethod
    def _cookie_of(node: RabbitMQ) -> str:
        assert node.membership is not None
        return node.membership.cookie


async def _cookie(here: RabbitMQ, there: RabbitMQ, cookie: str, then: str) -> None:
    expression = f"N = '{there.name}', erlang:set_cookie(N, '{cookie}'), {then}"
    await here.shell.ask(f"(fun() -> {expression}, true end)()")


@contextlib.asynccontextmanager
async def rabbitmq_cluster(directory: Path, count: int = 2, tick: int = 60) -> AsyncIterator[RabbitCluster]:
    """A cluster for the block, in a directory that the caller owns."""
    cluster = RabbitCluster(directory, count, tick)
    try:
        await cluster.start()
        await cluster.whole()
        yield cluster
    finally:
        await cluster.stop()
