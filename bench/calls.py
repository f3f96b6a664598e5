"""Call benchmark: create, join and offer through HTTP, RabbitMQ, wrapper, media server and MongoDB.

Everything is a process of its own on a private RabbitMQ and a private mongod, and one request is under way at a time.
In between, in the same run, the bare round trip is taken (``bench.bare``): the broker's and the database's share.
"""

import argparse
import asyncio
import contextlib
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

from bench.bare import both_ends
from callplane_client import AsyncCallplane, AsyncWay, CallplaneError, Retries
from callplane_client.shapes import Connection
from cli.machine.mongod import mongod
from cli.machine.rabbitmq import rabbitmq
from cli.machine.rundir import run_directory
from testkit.fakes.sdp import OFFER
from testkit.servers.programs import API_KEY, Size, cluster
from testkit.servers.servers import Servers, fresh_database, fresh_vhost

T = TypeVar("T")

TARGET = 0.100
WARM_UP = 5
CANDIDATE = {"candidate": "candidate:1 1 UDP 2130706431 192.0.2.1 5000 typ host", "sdpMid": "0", "sdpMLineIndex": 0}


@dataclass
class Times:
    """What each kind of request took, in seconds."""

    of: dict[str, list[float]] = field(default_factory=dict)

    def note(self, name: str, seconds: float) -> None:
        """Keep one time."""
        self.of.setdefault(name, []).append(seconds)


@dataclass
class Caller:
    """Somebody who uses the API through its client, asks once, and looks at the clock."""

    callplane: AsyncCallplane
    times: Times

    async def timed(self, name: str, asking: Awaitable[T]) -> T:
        """One request and its answer."""
        began = time.perf_counter()
        try:
            return await asking
        except CallplaneError as trouble:
            raise SystemExit(f"{name}: {trouble}") from None
        finally:
            self.times.note(name, time.perf_counter() - began)

    async def call(self) -> None:
        """One session with one participant who publishes, sends a candidate and leaves."""
        session = await self.timed("create", self.callplane.sessions.create())
        seat = self.callplane.seat(await self.timed("join", self.callplane.participants.join(session.id)))
        made = await self.timed("offer", seat.offer("publish", OFFER))
        if not isinstance(made, Connection):
            raise SystemExit("offer: the answer comes later, by a message")
        await self.timed("candidate", seat.candidates(made.id, [CANDIDATE]))
        await self.timed("look", seat.session())
        await self.timed("leave", seat.leave())
        await self.timed("close", self.callplane.sessions.close(session.id))


@contextlib.asynccontextmanager
async def servers() -> AsyncIterator[Servers]:
    """A private RabbitMQ and a private mongod for the run."""
    with run_directory() as files:
        async with (
            rabbitmq(files / "rabbitmq") as node,
            mongod(files / "mongod") as database,
            fresh_vhost(node) as vhost,
            fresh_database(database) as fresh,
        ):
            yield Servers(vhost, fresh)


async def measure(calls: int) -> Times:
    """Calls and bare round trips, one after the other, in turns."""
    times = Times()
    async with (
        servers() as around,
        cluster(around, Size(apis=1, wrappers=1)) as programs,
        both_ends(around) as bare,
        AsyncCallplane(programs.apis[0].url, api_key=API_KEY, way=AsyncWay(Retries(patience=0))) as callplane,
    ):
        for number in range(WARM_UP + calls):
            if number == WARM_UP:
                times.of.clear()
            await Caller(callplane, times).call()
            for _ in range(3):
                times.note("bare round trip", await bare.near.trip())
    return times


def report(times: Times) -> bool:
    """Print one line per kind; whether join and offer meet their target at the median."""
    floor = statistics.median(times.of["bare round trip"])
    print(f"{'':18}{'median':>9}{'p95':>9}{'max':>9}   of a bare round trip")
    for name, seconds in times.of.items():
        middle, late = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
        shown = "".join(f"{1000 * value:7.1f}ms" for value in (middle, late, max(seconds)))
        print(f"{name:18}{shown}   x {middle / floor:.1f}")
    met = all(statistics.median(times.of[name]) < TARGET for name in ("join", "offer"))
    print(f"join and offer at the median under {1000 * TARGET:.0f} ms: {'yes' if met else 'NO'}")
    return met


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser("bench.calls", description=__doc__)
    parser.add_argument("--calls", type=int, default=50, help="how many calls (%(default)s)")
    return 0 if report(asyncio.run(measure(parser.parse_args().calls))) else 1


if __name__ == "__main__":
    sys.exit(main())
