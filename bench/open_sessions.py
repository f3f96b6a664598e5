"""Open sessions benchmark: what many open sessions cost that share queues: a start, idling, and a command beside them.

    python -m bench.open_sessions [--sessions 50000] [--few 50] [--wrappers 2] [--seconds 20] [--turns 5]

Two fleets of wrappers in turn, each with a virtual host and a database of its own on one RabbitMQ and one mongod: few
sessions are open in one, many in the other. Idling: CPU of the wrappers, and of mongod while the other fleet is
stopped. A command is a change of metadata over fifty sessions of either fleet, in turns.
"""

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.calls import servers
from bench.scale import Bench, apart, cpu_of
from bench.sides import SHARDED
from callplane.bus.rabbitmq import RabbitSettings, open_bus
from callplane.contracts.ids import SessionId
from callplane.store.mongo.database import DatabaseClock, open_database
from callplane.telemetry.logs import configure_logs
from testkit.inprocess.crowded_database import session
from testkit.servers.programs import Cluster, Size, cluster
from testkit.servers.servers import Servers

TOGETHER, ASKED = 2_000, 50


async def fill(around: Servers, count: int) -> list[SessionId]:
    """Open so many sessions that have no queue, each with somebody in it; some of them."""
    made: list[SessionId] = []
    async with around.database.client() as client:
        sessions = client[around.database.name]["sessions"]
        while len(made) < count:
            some = [
                session(participants=[{"id": "somebody"}], engine="log", commands="sharded")
                for _ in range(min(TOGETHER, count - len(made)))
            ]
            await sessions.insert_many(some)
            made += [SessionId(one["_id"]) for one in some]
    return made[:ASKED]


async def idle(around: Servers, machines: Cluster, seconds: float) -> tuple[float, float]:
    """CPU ms a second of a wrapper, and of mongod, while nobody asks for anything."""
    pids = [program.process.pid for program in machines.wrappers]
    mongod = around.database.server.process.pid
    await asyncio.sleep(5)  # the first round of each sweep
    began, wrappers, database = time.monotonic(), sum(map(cpu_of, pids)), cpu_of(mongod)
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    return (sum(map(cpu_of, pids)) - wrappers) / took / len(pids) * 1e3, (cpu_of(mongod) - database) / took * 1e3


@asynccontextmanager
async def fleet(around: Servers, options: argparse.Namespace) -> AsyncIterator[tuple[Bench, float]]:
    """Wrappers on what is open there, and the seconds until all were ready."""
    began = time.perf_counter()
    async with (
        cluster(around, Size(apis=0, wrappers=options.wrappers, media_servers=0), **SHARDED) as machines,
        open_bus(RabbitSettings(around.vhost.url, "bench")) as bus,
        bus.sender() as sender,
        open_database(around.database.url, around.database.name) as database,
    ):
        took = time.perf_counter() - began
        clock = DatabaseClock(database)
        await clock.sync()
        yield Bench(sender, clock, machines, ASKED, options.spell, "sharded"), took


async def main(options: argparse.Namespace) -> None:
    """Starts and idling one after the other; then commands in turns."""
    async with servers() as made, apart(made) as here, apart(made) as there:
        places = {options.few: here, options.sessions: there}
        asked = {count: await fill(around, count) for count, around in places.items()}
        for count, around in places.items():
            async with fleet(around, options):
                pass  # indexes are built at the first start
            async with fleet(around, options) as (bench, took):
                wrapper, mongod = await idle(around, bench.machines, options.seconds)
            print(f"{count:>7} open: ready after {took:.2f} s; idle: wrapper {wrapper:.1f}, mongod {mongod:.1f} ms/s")
        async with fleet(here, options) as (few, _), fleet(there, options) as (many, _):
            ratios = []
            for _ in range(options.turns):
                cheap = await few.patches(f"{options.few} open", asked[options.few])
                dear = await many.patches(f"{options.sessions} open", asked[options.sessions])
                ratios.append(dear.cpu / cheap.cpu)
        both = f"{options.sessions} by {options.few} open"
        print(f"  a command's CPU in wrappers, {both}: x {statistics.median(ratios):.3f}")
        print(f"  load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser("bench.open_sessions", description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=50_000)
    parser.add_argument("--few", type=int, default=50)
    parser.add_argument("--wrappers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20.0, help="for which idling is looked at")
    parser.add_argument("--spell", type=float, default=3.0, help="seconds of commands in each turn")
    parser.add_argument("--turns", type=int, default=5)
    configure_logs("warning")
    asyncio.run(main(parser.parse_args()))
