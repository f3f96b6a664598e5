"""The programs as processes on servers of their own, every link between them through a proxy that can fail."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from cli.machine.mongod import REPLICA_SET
from cli.machine.ports import free_port
from cli.machine.process import Command, Process, python
from cli.machine.rabbitmq_cluster import RabbitCluster, rabbitmq_cluster
from cli.machine.replica_set import ReplicaSet, replica_set
from cli.machine.rundir import run_directory
from testkit.servers.clusters import ClusterVhost, SetDatabase
from testkit.servers.programs import API_KEY, ROOT, TOKEN_SECRET, Program
from testkit.servers.proxy import Proxy, proxies
from testkit.servers.servers import Servers

DATABASE = "callplane_chaos"
_TAIL = 40


@dataclass(frozen=True)
class Size:
    """How many of each program and of each server."""

    apis: int = 2
    wrappers: int = 3
    media_servers: int = 2
    brokers: int = 1
    mongods: int = 1


@dataclass
class Fleet:
    """Everything that runs; ``links`` are the proxies, by who uses them and what they lead to."""

    brokers: RabbitCluster
    members: ReplicaSet
    logs: Path
    settings: dict[str, str]
    open_link: Callable[..., Awaitable[Proxy]]
    programs: dict[str, Program] = field(default_factory=dict)
    links: dict[tuple[str, str], Proxy] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def servers(self) -> Servers:
        """What everything lies in, reached without a proxy."""
        vhost = ClusterVhost(self.brokers.nodes[0], "/", self.brokers)
        return Servers(vhost, SetDatabase(self.members.members[0], DATABASE, self.members))

    def named(self, kind: str) -> list[str]:
        """The names of the programs of one kind: ``api``, ``wrapper``, ``mediaserver``."""
        return [name for name in self.programs if name.startswith(kind)]

    def pods(self) -> list[str]:
        """Where the API pods listen, alive or not."""
        return [f"http://127.0.0.1:{self.ports[name]}" for name in self.named("api")]

    def media(self) -> dict[str, str]:
        """Name and address of each media server."""
        return {name: f"ws://127.0.0.1:{self.ports[name]}/kurento" for name in self.named("mediaserver")}

    async def start(self, size: Size) -> None:
        """Media servers, then wrappers one after the other (each reads back the addresses it registered), then pods."""
        for n in range(1, size.media_servers + 1):
            name = f"mediaserver-{n}"
            self.ports[name] = free_port()
            await self._run(name, "mediaserver", "--port", str(self.ports[name]))
        for n in range(1, size.wrappers + 1):
            await self._open_links(f"wrapper-{n}")
            await self._run(f"wrapper-{n}", "wrapper")
        for n in range(1, size.apis + 1):
            name = f"api-{n}"
            self.ports[name] = free_port()
            await self._open_links(name)
            await self._run(name, "api")

    async def stop(self) -> None:
        """Stop every program that runs."""
        order = [*self.named("api"), *self.named("wrapper"), *self.named("mediaserver")]
        for kind in ("api", "wrapper", "mediaserver"):
            await asyncio.gather(*(self.programs[name].terminate() for name in order if name.startswith(kind)))

    def show_logs(self) -> None:
        """Print the end of every log."""
        for program in self.programs.values():
            lines = (self.logs / f"{program.name}.log").read_text(errors="replace").splitlines()[-_TAIL:]
            print(f"--- {program.name} (status {program.process.returncode})", *lines, sep="\n", file=sys.stderr)

    async def _open_links(self, name: str) -> None:
        # A Service in front of the broker's nodes; MongoDB's driver chooses among the members itself.
        self.links[name, "rabbitmq"] = await self.open_link(*(node.port for node in self.brokers.nodes))
        members = {member.port: await self.open_link(member.port) for member in self.members.members}
        for n, link in enumerate(members.values(), 1):
            # The members name each other by their own addresses, by which the driver would go past the proxies.
            link.renamed = {_host(port): _host(other.port) for port, other in members.items()}
            self.links[name, f"mongod-{n}"] = link
        if name.startswith("wrapper"):
            for media in self.named("mediaserver"):
                self.links[name, media] = await self.open_link(self.ports[media])

    async def _run(self, name: str, module: str, *arguments: str) -> None:
        command = Command(name, python(module, *arguments), self.logs / f"{name}.log", self._environment(name), ROOT)
        program = self.programs[name] = Program(name, command, Process(command))
        await program.ready()

    def _environment(self, name: str) -> dict[str, str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("CALLPLANE_")}
        if name.startswith("mediaserver"):
            return clean
        ports = {target: link.port for (who, target), link in self.links.items() if who == name}
        mongods = ",".join(f"127.0.0.1:{port}" for target, port in ports.items() if target.startswith("mongod"))
        media = [f"{each}=ws://127.0.0.1:{port}/kurento" for each, port in ports.items() if each.startswith("media")]
        return clean | {
            "CALLPLANE_AMQP_URL": f"amqp://guest:guest@127.0.0.1:{ports['rabbitmq']}/",
            "CALLPLANE_MONGO_URL": f"mongodb://{mongods}/?replicaSet={REPLICA_SET}",
            "CALLPLANE_MONGO_DATABASE": DATABASE,
            "CALLPLANE_KMS_URLS": ",".join(media),
            "CALLPLANE_TOKEN_SECRETS": TOKEN_SECRET,
            "CALLPLANE_API_KEYS": f"tests:{API_KEY}",
            "CALLPLANE_HOST": "127.0.0.1",
            "CALLPLANE_PORT": str(self.ports.get(name, 0)),
            "CALLPLANE_CONNECT_SECONDS": "900",  # nobody there has media: they would be told so
            **self.settings,
        }


@contextlib.asynccontextmanager
async def fleet(size: Size = Size(), **settings: str) -> AsyncIterator[Fleet]:
    """Servers, proxies and programs for the block; ``settings`` are further variables of the programs."""
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(run_directory())
        # A node that stands still for longer than its tick counts as down, and the others go on without it.
        brokers = await stack.enter_async_context(rabbitmq_cluster(directory / "rabbitmq", size.brokers, tick=10))
        members = await stack.enter_async_context(replica_set(directory / "mongod", size.mongods))
        open_link = await stack.enter_async_context(proxies())
        # A stream on two nodes has no majority while one of them is down: docs/operations.md.
        stream = {"CALLPLANE_EVENT_STREAM_DAYS": "0"} if size.brokers == 2 else {}
        made = Fleet(brokers, members, directory, {**stream, **settings}, open_link)
        try:
            await made.start(size)
            yield made
        finally:
            await made.stop()


def _host(port: int) -> bytes:
    return f"127.0.0.1:{port}".encode()
