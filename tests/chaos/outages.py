"""Takes one server of a cluster away at a time: killed, stopped in peace, paused, cut off, or made to step down."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from cli.machine.mongod import Mongod
from cli.machine.rabbitmq import RabbitMQ
from testkit.clients.history import Absence
from testkit.servers.clusters import ClusterVhost
from tests.chaos.fleet import Fleet

WHOLE_WITHIN = 120.0
BY_ITSELF = 20.0
"""Seconds after which a RabbitMQ node that is still parted from the others is started again, as operators are told to.

Of three, one that stands still for longer than its tick wakes up, is connected again before it has counted itself to a
minority, and stays parted: RabbitMQ's ``pause_minority`` does nothing about it (3.10: three of three such pauses).
"""
SERVERS = ("rabbitmq", "mongod")


@dataclass
class Outages:
    """Does it to a fleet, and writes down which queues were out of reach meanwhile."""

    fleet: Fleet
    absences: list[Absence] = field(default_factory=list)

    async def restart(self, kind: str, pick: float, seconds: float) -> str:
        """One server ends, half of them in peace and half as by a power cut, and comes back later with its data."""
        server = self._server(kind, pick)
        peaceful = pick * 997 % 1 < 0.5
        async with self._away(kind, server):
            await (server.stop() if peaceful else server.kill())
            await asyncio.sleep(seconds)
            await server.start()
        return f"{'stopped' if peaceful else 'killed'} {server.directory.name}"

    async def pause(self, kind: str, pick: float, seconds: float) -> str:
        """One server stands still, and its connections stay open."""
        server = self._server(kind, pick)
        async with self._away(kind, server):
            server.pause()
            await asyncio.sleep(seconds)
            server.resume()
            again = isinstance(server, RabbitMQ) and await self._started_again_where_parted(server)
        return f"paused {server.directory.name}" + (", and started again, for it stayed parted" if again else "")

    async def partition(self, _: str, pick: float, seconds: float) -> str:
        """One RabbitMQ node and the others do not reach each other; programs reach either side."""
        brokers = self.fleet.brokers
        node = brokers.nodes[int(pick * len(brokers.nodes))]
        async with self._away("rabbitmq", None):
            await brokers.partition(node)
            await asyncio.sleep(seconds)
            await brokers.heal(node)
        return f"cut off {node.name}"

    async def elect(self, _: str, __: float, ___: float) -> str:
        """The primary gives its place up."""
        await self.fleet.members.step_down()
        return "stepped down"

    async def _started_again_where_parted(self, node: RabbitMQ) -> bool:
        """Whether the cluster did not become one by itself, and the node was started again."""
        try:
            await self.fleet.brokers.whole(BY_ITSELF)
        except TimeoutError:
            await node.stop()
            await node.start()
            return True
        return False

    def _server(self, kind: str, pick: float) -> RabbitMQ | Mongod:
        among = self.fleet.brokers.nodes if kind == "rabbitmq" else self.fleet.members.members
        return among[int(pick * len(among))]

    @asynccontextmanager
    async def _away(self, kind: str, server: RabbitMQ | Mongod | None) -> AsyncIterator[None]:
        """What lies on a RabbitMQ node, or on any of them, is away until all of the cluster is one again."""
        if kind == "mongod":
            yield
            await self.fleet.members.whole(WHOLE_WITHIN)
            return
        vhost = self.fleet.servers.vhost
        assert isinstance(vhost, ClusterVhost)
        if len(vhost.cluster.nodes) == 1:
            yield  # what is published meanwhile is refused, not lost
        else:
            absence = Absence(time.monotonic(), None if server is None else [])
            self.absences.append(absence)
            if isinstance(server, RabbitMQ):
                homes = await vhost.homes()
                absence.queues = [queue for queue, node in homes.items() if node == server.name]
            yield
        await self.fleet.brokers.whole(WHOLE_WITHIN)
        for absence in self.absences:
            absence.ended = min(absence.ended, time.monotonic())
