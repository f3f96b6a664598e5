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
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from bench.bare import both_ends
from cli.machine.mongod import mongod
from cli.machine.rabbitmq import rabbitmq
from cli.machine.rundir import run_directory
from testkit.fakes.sdp import OFFER
from testkit.servers.programs import API_KEY, Size, cluster
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
    """Somebody who uses the API and looks at the clock."""

    http: httpx.AsyncClient
    times: Times

    async def ask(self, name: str, method: str, path: str, **request: Any) -> Any:
        """One request and its answer."""
        began = time.perf_counter()
        answer = await self.http.request(method, path, **request)
        self.times.note(name, time.perf_counter() - began)
        if not answer.is_success or (name == "offer" and answer.status_code == 202):
            raise SystemExit(f"{name}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None

    async def call(self) -> None:
        """One session with one participant who publishes, sends a candidate and leaves."""
        key = {"X-API-Key": API_KEY}
        session = (await self.ask("create", "POST", "/v1/sessions", json={}, headers=key))["id"]
        joined = await self.ask("join", "POST", f"/v1/sessions/{session}/participants", json={}, headers=key)
        me, seat = {"Authorization": f"Bearer {joined['token']}"}, joined["participant"]["id"]
        offer = {"kind": "publish", "sdp_offer": OFFER}
        made = await self.ask("offer", "POST", f"/v1/sessions/{session}/connections", json=offer, headers=me)
        trickle = f"/v1/sessions/{session}/connections/{made['id']}/candidates"
        await self.ask("candidate", "POST", trickle, json=CANDIDATE, headers=me)
        await self.ask("look", "GET", f"/v1/sessions/{session}", headers=me)
        await self.ask("leave", "DELETE", f"/v1/sessions/{session}/participants/{seat}", headers=me)
        await self.ask("close", "DELETE", f"/v1/sessions/{session}", headers=key)


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
        httpx.AsyncClient(base_url=programs.apis[0].url, timeout=20) as http,
    ):
        for number in range(WARM_UP + calls):
            if number == WARM_UP:
                times.of.clear()
            await Caller(http, times).call()
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
