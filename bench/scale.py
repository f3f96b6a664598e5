"""Scale benchmark: a command with everything behind it, against the bare request, by sessions, by wrappers.

    python -m bench.scale [--seconds 3] [--in-flight 50] [--sessions 5000] [--turns 5] [--rounds 3] [--joins 200]

The command is a change of metadata, sent at the bus without HTTP; wrappers are processes of their own on a private
RabbitMQ and a private mongod. Everything shares this machine's cores: rates say something only beside the bare rate of
the same run, and the processes' CPU seconds are printed beside every rate.
"""

import argparse
import asyncio
import itertools
import os
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bench.bare import both_ends
from bench.bus import Figure, bare, measure
from bench.calls import servers
from callplane.bus.ports import Sender
from callplane.bus.rabbitmq import RabbitSettings, open_bus
from callplane.contracts.command_queues import CommandQueues
from callplane.contracts.commands import Caller, CreateSession, Envelope, Join, UpdateSession
from callplane.contracts.ids import CommandId, SessionId, new_id, session_made_by
from callplane.contracts.registry import AnyCommand
from callplane.contracts.replies import Reply
from callplane.store.mongo.database import DatabaseClock, open_database
from callplane.telemetry.logs import configure_logs
from testkit.servers.programs import Cluster, Size, cluster
from testkit.servers.servers import Servers, Vhost, fresh_database, fresh_vhost

CALLER = Caller(kind="key", name="bench")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Bench:
    """What sends commands, and whose CPU is read."""

    sender: Sender
    clock: DatabaseClock
    machines: Cluster
    in_flight: int
    seconds: float
    commands: CommandQueues = "per-session"

    async def ask(self, body: AnyCommand, session: SessionId | None = None) -> Reply:
        """One command and its reply, which must be no problem."""
        id_ = CommandId(new_id())
        deadline = self.clock.now() + timedelta(seconds=60)
        envelope = Envelope(
            id=id_, session_id=session or session_made_by(id_), caller=CALLER, deadline=deadline, body=body
        ).model_copy(update={"commands": self.commands})
        reply = await self.sender.send(envelope, wait=60)
        if reply is None or (reply.problem is not None and body.name != "join"):
            raise SystemExit(f"{body.name}: {reply and reply.problem}")
        return reply

    async def sessions(self, count: int) -> list[SessionId]:
        """So many open sessions, made 50 at a time."""
        made: list[SessionId] = []

        async def some(numbers: "itertools.count[int]") -> None:
            while next(numbers) < count:
                reply = await self.ask(CreateSession(empty_timeout=86_400))
                made.append(SessionId((reply.result or {})["session"]["id"]))

        numbers = itertools.count()
        async with asyncio.TaskGroup() as group:
            for _ in range(min(50, count)):
                group.create_task(some(numbers))
        return made

    async def patches(self, name: str, sessions: list[SessionId], times: int = 1) -> "Cost":
        """Change metadata over these sessions, so many times as much in flight as asked for; prints a line."""
        count = 0

        async def patch(number: int) -> None:
            nonlocal count
            count += 1
            await self.ask(UpdateSession(changes={"metadata": {"n": count}}), sessions[number % len(sessions)])

        before = self.cpu()
        figure = await measure(name, patch, times * self.in_flight, self.seconds)
        return _row(figure, self.cpu() - before, count)

    def cpu(self) -> float:
        """CPU seconds of all wrappers until now."""
        return sum(cpu_of(program.process.pid) for program in self.machines.wrappers)


@dataclass(frozen=True)
class Cost:
    """Commands per second, and the CPU µs of all wrappers (or consumers) for each."""

    rate: float
    cpu: float


def _row(figure: Figure, cpu: float, count: int) -> Cost:
    cost = Cost(figure.rate, cpu / count * 1e6)
    print(f"{figure.name:<44}{cost.rate:>8.0f}/s{figure.median_ms:>9.1f} ms{cost.cpu:>9.0f} µs", flush=True)
    return cost


def _spread(costs: Mapping[int, list[Cost]]) -> float:
    middle = [statistics.median(cost.cpu for cost in turns) for turns in costs.values()]
    return max(middle) / min(middle)


def _listed(ratios: list[float]) -> str:
    return f"x {statistics.median(ratios):.2f} of {', '.join(f'{ratio:.2f}' for ratio in ratios)}"


def cpu_of(pid: int) -> float:
    """CPU seconds of a process until now."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@asynccontextmanager
async def corner(around: Servers, wrappers: int, options: argparse.Namespace) -> AsyncIterator[Bench]:
    """So many wrappers on the virtual host and the database of ``around``."""
    async with (
        cluster(around, Size(apis=0, wrappers=wrappers, media_servers=0)) as machines,
        open_bus(RabbitSettings(around.vhost.url, "bench")) as bus,
        bus.sender() as sender,
        open_database(around.database.url, around.database.name) as database,
    ):
        clock = DatabaseClock(database)
        await clock.sync()
        yield Bench(sender, clock, machines, options.in_flight, options.seconds)


@asynccontextmanager
async def apart(around: Servers) -> AsyncIterator[Servers]:
    """A virtual host and a database of its own."""
    async with fresh_vhost(around.vhost.node) as vhost, fresh_database(around.database.server) as database:
        yield Servers(vhost, database)


async def with_wrappers(around: Servers, wrappers: int, options: argparse.Namespace) -> tuple[Cost, Cost]:
    """Cost with so many wrappers: with the load of one shared among them, and with as much for each of them."""
    async with apart(around) as here, corner(here, wrappers, options) as bench:
        sessions = await bench.sessions(wrappers * options.in_flight)
        shared = await bench.patches(f"{wrappers} wrapper(s)", sessions[: options.in_flight])
        if wrappers == 1:
            return shared, shared
        own = await bench.patches(f"{wrappers} wrapper(s), as many in flight for each", sessions, wrappers)
        return shared, own


async def with_nothing(around: Servers, options: argparse.Namespace) -> float:
    """The rate of aio-pika's bare request and reply."""
    async with bare(around.vhost.url) as request:
        base = await measure("aio-pika, bare request and reply", request, options.in_flight, options.seconds)
    print(f"{base.name:<44}{base.rate:>8.0f}/s{base.median_ms:>9.1f} ms", flush=True)
    return base.rate


async def with_consumers(around: Servers, consumers: int, options: argparse.Namespace) -> Cost:
    """The same of so many bare consumers, each with one majority update a message and no code of ours."""
    async with apart(around) as here, both_ends(here, consumers) as ends:
        count = 0

        async def trip(_: int) -> None:
            nonlocal count
            count += 1
            await ends.near.trip()

        before = sum(map(cpu_of, ends.far))
        figure = await measure(f"{consumers} bare consumer(s), one update", trip, options.in_flight, options.seconds)
        return _row(figure, sum(map(cpu_of, ends.far)) - before, count)


async def growth(around: Servers, options: argparse.Namespace) -> None:
    """The cost of a command with 1 and with many sessions open: two wrappers, each with a corner of its own, in turn.

    The many are in the node's own virtual host, which ends with it: to delete thousands of queues takes longer.
    """
    own = Servers(Vhost(around.vhost.node, "/"), around.database)
    async with apart(around) as here, corner(here, 1, options) as few, corner(own, 1, options) as many:
        [one] = await few.sessions(1)
        await many.sessions(options.sessions)
        [other] = await many.sessions(1)
        # They are listened to in the order in which they were made; the cost of that is not a command's.
        await many.ask(UpdateSession(changes={"metadata": {}}), other)
        costs = []
        for _ in range(options.turns):
            cheap = await few.patches("1 session busy, no other open", [one])
            costs.append((await many.patches(f"1 session busy, {options.sessions} open", [other])).cpu / cheap.cpu)
        print(f"  cost of a command with {options.sessions} open: {_listed(costs)} (at most 1.15)")
        await joins(many, options.joins)


async def joins(bench: Bench, count: int) -> None:
    """Everybody joins one session at once."""
    [session] = await bench.sessions(1)
    await bench.ask(UpdateSession(changes={"max_participants": count}), session)
    began = time.perf_counter()
    replies = await asyncio.gather(*(bench.ask(Join(), session) for _ in range(count)))
    took = time.perf_counter() - began
    seats = {(reply.result or {})["participant"]["id"] for reply in replies if reply.problem is None}
    print(f"  {count} joins at once: {len(seats)} seats, {count - len(seats)} lost, in {took:.2f} s")


async def main(options: argparse.Namespace) -> None:
    """The bare rate first, then ours."""
    print(f"{'':<44}{'rate':>10}{'median':>12}{'CPU each':>20}")
    async with servers() as around:
        rates: list[float] = []
        floor: dict[int, list[Cost]] = defaultdict(list)
        shared: dict[int, list[Cost]] = defaultdict(list)
        own: dict[int, list[Cost]] = defaultdict(list)
        for _ in range(options.rounds):
            base = await with_nothing(around, options)
            for count in (1, 2, 4):
                floor[count].append(await with_consumers(around, count, options))
                costs = await with_wrappers(around, count, options)
                shared[count].append(costs[0])
                own[count].append(costs[1])
            rates.append(shared[1][-1].rate / base)
        await growth(around, options)
    print("  CPU per command with 1, 2 and 4 wrappers (at most x 1.25), medians:")
    print(f"    {options.in_flight} in flight in all: within x {_spread(shared):.2f}")
    print(f"    {options.in_flight} in flight for each wrapper: within x {_spread(own):.2f}")
    print(f"    as many bare consumers, {options.in_flight} in flight in all: within x {_spread(floor):.2f}")
    print(f"  rate of one wrapper beside the bare rate: {_listed(rates)} (at least 0.20, aim 0.35)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser("bench.scale", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--in-flight", type=int, default=50)
    parser.add_argument("--sessions", type=int, default=5000, help="how many are open in the second half")
    parser.add_argument("--turns", type=int, default=5, help="how often few and many are compared")
    parser.add_argument("--rounds", type=int, default=3, help="how often 1, 2 and 4 wrappers are compared")
    parser.add_argument("--joins", type=int, default=200)
    configure_logs("warning")
    asyncio.run(main(parser.parse_args()))
