"""Stage: the programs of one engine, or a ceiling in their place, a crowd before them, and what each process used."""

import asyncio
import json
import resource
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.messages.child import Child, child
from bench.messages.usage import Usage, usage
from cli.machine.process import Command, python, running
from testkit.servers.programs import API_KEY, ROOT, Cluster, Size, cluster
from testkit.servers.servers import Servers, fresh_database, fresh_vhost

UNLIMITED = {
    **{f"CALLPLANE_RATE_{what}": "0" for what in ("REQUESTS", "SIGNALS", "DELIVERIES", "POLLS", "KEYS")},
    "CALLPLANE_MAX_CONNECTIONS": "100000",
    "CALLPLANE_LOG_LEVEL": "warning",
}
QUIET_SECONDS = 2.0
"""For so long the idling of the processes is watched before a run."""


@dataclass(frozen=True)
class Cost:
    """What a part used in a run: seconds of CPU in all, and those that it would have used idling as long."""

    cpu: float
    idle: float


@dataclass
class Measured:
    """What an order came to, and what it cost by part: api, wrapper, rabbitmq, mongod, crowd."""

    figures: dict[str, Any]
    costs: dict[str, Cost] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    """Bytes by part, at its end."""

    def micros(self, part: str, share_of: int) -> float:
        """CPU µs of a part for each of so many."""
        return self.costs[part].cpu / max(1, share_of) * 1e6 if part in self.costs else 0.0


@dataclass
class Stage:
    """What can be watched."""

    name: str
    crowd: Child
    parts: Mapping[str, list[int]]
    """By part: the sessions of its processes."""
    programs: Cluster | None = None
    before: dict[str, Any] = field(default_factory=dict)
    """The crowd's totals after the last order."""
    cpu: dict[int, float] = field(default_factory=dict)
    """What each session had used when it was looked at last: one that was killed has nothing in /proc any more."""

    def used(self, memory: bool = False) -> dict[str, Usage]:
        """By part, until now."""
        return {part: self._used(pids, memory) for part, pids in self.parts.items()}

    def _used(self, pids: list[int], memory: bool) -> Usage:
        size = 0
        for pid in pids:
            found = usage([pid], memory)
            self.cpu[pid] = max(self.cpu.get(pid, 0.0), found.cpu)
            size += found.memory
        return Usage(sum(self.cpu[pid] for pid in pids), size)

    async def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Give an order; its figures, of which the crowd's totals count from the order before."""
        return self._since_before(await self.crowd.ask(do, **arguments))

    async def measure(self, do: str, **arguments: Any) -> Measured:
        """Watch it idle, then give an order and watch what it costs."""
        began, first = perf_counter(), self.used()
        await asyncio.sleep(QUIET_SECONDS)
        second, middle = self.used(), perf_counter()
        figures = await self.ask(do, **arguments)
        third, took = self.used(), perf_counter() - middle
        costs = {}
        for part in third:
            idle = (second[part].cpu - first[part].cpu) / (middle - began) * took
            costs[part] = Cost(third[part].cpu - second[part].cpu, idle)
        return Measured(figures, costs, await self.memory())

    async def memory(self) -> dict[str, int]:
        """Bytes by part."""
        return {part: used.memory for part, used in self.used(memory=True).items()}

    def _since_before(self, figures: dict[str, Any]) -> dict[str, Any]:
        """The crowd counts from its beginning; a run has what came since."""
        counts = {name: value for name, value in figures.items() if name in _TOTALS}
        codes = dict(figures.get("codes", {}))
        fresh = {name: value - self.before.get(name, 0) for name, value in counts.items()}
        known = self.before.get("codes", {})
        fresh["codes"] = {code: more for code, n in codes.items() if (more := n - known.get(code, 0))}
        if counts:
            self.before = {**counts, "codes": codes}
        return {**figures, **fresh}


_TOTALS = {"frames", "delivered", "doubled", "disordered", "strays", "events", "version_gaps", "resyncs", "reopened"}


@dataclass(frozen=True)
class Cast:
    """How many of each program, and how the crowd behaves."""

    apis: int = 1
    wrappers: int = 1
    bytes: int = 300
    keys: bool = True
    writer: bool = False
    """Whether signals go past the API, to the engine's messenger."""
    frames: bool = False
    """Whether who reads by WebSocket sends its signals there, too."""


@asynccontextmanager
async def programs(around: Servers, engine: str, cast: Cast) -> AsyncIterator[Stage]:
    """The programs with that engine, on a virtual host and a database of their own."""
    size = Size(cast.apis, cast.wrappers, media_servers=0, through="bench.messages.larger")
    settings = UNLIMITED | {"CALLPLANE_MAILBOXES": engine}
    node, server = around.vhost.node, around.database.server
    async with (
        fresh_vhost(node) as vhost,
        fresh_database(server) as database,
        cluster(Servers(vhost, database), size, **settings) as made,
        _writer(made, engine, cast) as writers,
        _crowd([api.url for api in made.apis], cast, list(writers.values())) as clients,
    ):
        parts = {
            "api": [api.process.pid for api in made.apis],
            "wrapper": [wrapper.process.pid for wrapper in made.wrappers],
            "rabbitmq": [process.pid for process in node.processes],
            "mongod": [server.process.pid],
            **({"writer": list(writers)} if writers else {}),
            "crowd": [clients.pid],
        }
        yield Stage(engine, clients, parts, made)


@asynccontextmanager
async def bare_push(logs: Path, cast: Cast) -> AsyncIterator[Stage]:
    """The bare ASGI push in place of the programs."""
    command = Command("bare push", python("bench.messages.bare_push"), logs / "bare_push.log", cwd=ROOT)
    async with running(command) as process:
        url = str((await process.ready_line())["url"])
        async with _crowd([url], replace(cast, frames=False)) as clients:
            yield Stage("bare ASGI push", clients, {"api": [process.pid], "crowd": [clients.pid]})


@asynccontextmanager
async def fanout(around: Servers, raw: bool, cast: Cast) -> AsyncIterator[Stage]:
    """The AMQP fan-out in place of programs and crowd: its client counts as the pods, for it does their part."""
    async with fresh_vhost(around.vhost.node) as vhost:
        given = {"amqp_url": vhost.url, "raw": raw, "bytes": cast.bytes}
        async with child("bench.messages.amqp_fanout", json.dumps(given)) as made:
            broker = [process.pid for process in vhost.node.processes]
            name = "raw AMQP fan-out" if raw else "aio-pika fan-out"
            yield Stage(name, made, {"api": [made.pid], "rabbitmq": broker, "crowd": []})


@asynccontextmanager
async def _writer(made: Cluster, engine: str, cast: Cast) -> AsyncIterator[dict[int, str]]:
    """Pid and address of the process that writes past the API, where one is wanted."""
    if not cast.writer:
        yield {}
        return
    database = made.servers.database
    where = (engine, made.servers.vhost.url, database.address, database.name)
    command = Command("writer", python("bench.messages.writer", *where), made.logs / "writer.log", cwd=ROOT)
    async with running(command) as process:
        yield {process.pid: str((await process.ready_line())["url"])}


@asynccontextmanager
async def _crowd(urls: list[str], cast: Cast, signals: list[str] | None = None) -> AsyncIterator[Child]:
    given = {"pods": urls, "signals": signals or urls, "api_key": API_KEY, "bytes": cast.bytes, "keys": cast.keys}
    given |= {"frames": cast.frames and not signals}
    async with child("bench.messages.orders", json.dumps(given)) as made:
        yield made


def many_files() -> None:
    """Let this process and its children have as many sockets as the machine allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
