"""Call benchmark: create, join and offer through HTTP, RabbitMQ, wrapper, media server and MongoDB.

Everything is a process of its own on a private RabbitMQ and a private mongod, and one request is under way at a time.
In between, in the same run, the bare round trip is taken (``bench.bare``): the broker's and the database's share. With
``--beside`` the programs of that checkout take turns with ours, a call each; ``--sharded``: ours once more, with the
log engine and shared queues.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from bench.bare import both_ends
from bench.messages.asking import HttpConnection, Pod, ask_json, connect, request
from bench.sides import OURS, Side, add_sides, programs_of, sides_of, version_of
from cli.machine.mongod import mongod
from cli.machine.rabbitmq import rabbitmq
from cli.machine.rundir import run_directory
from testkit.fakes.sdp import OFFER
from testkit.servers.programs import API_KEY
from testkit.servers.servers import Servers, fresh_database, fresh_vhost

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
    """Somebody who asks the API once, and looks at the clock."""

    at: HttpConnection
    version: str
    """What stands before the paths."""
    times: Times

    async def timed(self, name: str, question: bytes) -> dict[str, Any]:
        """One request and its answer."""
        began = time.perf_counter()
        try:
            return await ask_json(self.at, question)
        finally:
            self.times.note(name, time.perf_counter() - began)

    async def call(self) -> None:
        """One session with one participant who publishes, sends a candidate and leaves."""
        key = {"X-API-Key": API_KEY}
        made = await self.timed("create", request("POST", f"{self.version}/sessions", key, b"{}"))
        session = f"{self.version}/sessions/{made['id']}"
        joined = await self.timed("join", request("POST", f"{session}/participants", key, b"{}"))
        me = {"Authorization": f"Bearer {joined['token']}"}
        offer = json.dumps({"kind": "publish", "sdp_offer": OFFER}).encode()
        connection = await self.timed("offer", request("POST", f"{session}/connections", me, offer))
        trickled = f"{session}/connections/{connection['id']}/candidates"
        candidates = json.dumps({"candidates": [CANDIDATE]}).encode()
        await self.timed("candidate", request("POST", trickled, me, candidates))
        await self.timed("look", request("GET", session, me))
        await self.timed("leave", request("DELETE", f"{session}/participants/{joined['participant']['id']}", me))
        await self.timed("close", request("DELETE", session, key))


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


async def measure(options: argparse.Namespace) -> dict[str, Times]:
    """Calls of each side and bare round trips, one after the other, in turns."""
    found = {name: Times() for name in sides_of(options)}
    bare = Times()
    async with servers() as around, AsyncExitStack() as stack:
        callers = {
            name: await stack.enter_async_context(_caller(around, side, found[name]))
            for name, side in sides_of(options).items()
        }
        trip = (await stack.enter_async_context(both_ends(around))).near.trip
        for number in range(WARM_UP + options.calls):
            if number == WARM_UP:
                for times in (bare, *found.values()):
                    times.of.clear()
            for caller in callers.values():
                await caller.call()
            for _ in range(3):
                bare.note("bare round trip", await trip())
    return {**found, "": bare}


@contextlib.asynccontextmanager
async def _caller(around: Servers, side: Side, times: Times) -> AsyncIterator[Caller]:
    """Who calls the programs of one side."""
    async with programs_of(around, side, 1) as made:
        at = await connect(Pod.of(made.apis[0].url))
        try:
            yield Caller(at, await version_of(at), times)
        finally:
            at.abort()


def report(found: dict[str, Times]) -> bool:
    """Print one line per kind of each side; whether join and offer meet their target at the median."""
    floor = statistics.median(found[""].of["bare round trip"])
    for side, times in found.items():
        print(f"{side:24}{'median':>9}{'p95':>9}{'max':>9}   of a bare round trip")
        for name, seconds in times.of.items():
            middle, late = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
            shown = "".join(f"{1000 * value:7.1f}ms" for value in (middle, late, max(seconds)))
            print(f"{name:24}{shown}   x {middle / floor:.1f}")
    met = all(statistics.median(found[OURS].of[name]) < TARGET for name in ("join", "offer"))
    print(f"join and offer at the median under {1000 * TARGET:.0f} ms: {'yes' if met else 'NO'}")
    return met


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser("bench.calls", description=__doc__)
    parser.add_argument("--calls", type=int, default=50, help="how many calls of each side (%(default)s)")
    add_sides(parser)
    return 0 if report(asyncio.run(measure(parser.parse_args()))) else 1


if __name__ == "__main__":
    sys.exit(main())
