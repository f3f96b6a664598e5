"""Rooms benchmark: calls without media through HTTP, by rate and by CPU of each part; beside another checkout's.

    python -m bench.rooms [--seconds 10] [--in-flight 1 16] [--turns 2] [--beside DIRECTORY] [--sharded]
                          [--negotiate] [--without-events] [--quiet]

A room is created, two join, both leave, it is closed: six requests. With ``--negotiate`` there are as many loads more
in which one of them publishes and the other subscribes between: two endpoints on a media server, whose CPU no column
counts; what such a room costs the wrapper more is two endpoints' share. One API pod and one wrapper, a
private RabbitMQ, a private mongod and the clients share this machine's cores; access logs are on (``--quiet``: off),
rate limits off. With ``--beside`` the programs of that checkout, in this environment, take turns with ours on the same
servers, with a virtual host and a database of their own; only those whose turn it is are there. What they use while
nothing is asked is measured before, and shown apart. ``--sharded``: ours once more, with the log engine and shared
queues. ``--without-events``: ours once more, publishing no events; below the table is how often each was published.
"""

import argparse
import asyncio
import json
import time
from dataclasses import dataclass

import httpx

from bench.calls import servers
from bench.messages.asking import HttpConnection, Pod, ask_json, connect, request
from bench.messages.stage import UNLIMITED
from bench.messages.usage import usage
from bench.room_loads import PARTS, Kind, Load, Loads, report
from bench.sides import OURS, Side, add_sides, programs_of, sides_of, version_of
from testkit.fakes.sdp import OFFER
from testkit.servers.programs import API_KEY, Cluster

WARM_UP = 20
QUIET_SECONDS = 3.0
"""For so long what the last load still owes is left to be done, queues of closed sessions deleted among it."""
WARM_UP_OWES, IDLE_SECONDS = 5.0, 4.0


KEY = {"X-API-Key": API_KEY}


async def room(at: HttpConnection, version: str, *, negotiate: bool = False) -> None:
    """One room from its creation to its end."""
    session = (await ask_json(at, request("POST", f"{version}/sessions", KEY, b"{}")))["id"]
    seats = f"{version}/sessions/{session}/participants"
    joined = [await ask_json(at, request("POST", seats, KEY, b"{}")) for _ in range(2)]
    if negotiate:
        publisher = joined[0]["participant"]["id"]
        await _offer(at, f"{version}/sessions/{session}", joined[0]["token"], {"kind": "publish"})
        await _offer(
            at, f"{version}/sessions/{session}", joined[1]["token"], {"kind": "subscribe", "publisher": publisher}
        )
    for one in joined:
        me = {"Authorization": f"Bearer {one['token']}"}
        await _end(at, request("DELETE", f"{seats}/{one['participant']['id']}", me))
    await _end(at, request("DELETE", f"{version}/sessions/{session}", KEY))


async def _offer(at: HttpConnection, session: str, token: str, what: dict[str, str]) -> None:
    body = json.dumps({"sdp_offer": OFFER, **what}).encode()
    await ask_json(at, request("POST", f"{session}/connections", {"Authorization": f"Bearer {token}"}, body))


async def _end(at: HttpConnection, question: bytes) -> None:
    status, body = await at.ask(question)
    if status != 204:
        raise SystemExit(f"{question.splitlines()[0].decode()}: {status} {body[:300].decode(errors='replace')}")


@dataclass(frozen=True)
class Until:
    """For so long, or until there were so many rooms; ``negotiate``: with an offer of each of the two."""

    seconds: float = 0.0
    count: int = 0
    negotiate: bool = False


async def rooms(url: str, in_flight: int, until: Until) -> list[float]:
    """Rooms, so many at once; the seconds of each."""
    took: list[float] = []
    first = await connect(Pod.of(url))
    version = await version_of(first)
    first.abort()
    end = time.perf_counter() + until.seconds

    async def some() -> None:
        at = await connect(Pod.of(url))
        try:
            while time.perf_counter() < end or len(took) < until.count:
                began = time.perf_counter()
                await room(at, version, negotiate=until.negotiate)
                took.append(time.perf_counter() - began)
        finally:
            at.abort()

    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(some())
    return took


def all_sides(options: argparse.Namespace) -> dict[str, Side]:
    """Those, and one that publishes no events."""
    sides = sides_of(options)
    if options.without_events:
        sides[f"{OURS}, no events"] = Side(settings={"CALLPLANE_EVENTS": "false"})
    return sides


def used(made: Cluster) -> dict[str, float]:
    """Seconds of CPU by part, until now."""
    servers = made.servers
    pids = {
        "api": [program.process.pid for program in made.apis],
        "wrapper": [program.process.pid for program in made.wrappers],
        "rabbitmq": [process.pid for process in servers.vhost.node.processes],
        "mongod": [process.pid for process in servers.database.server.processes],
    }
    return {part: usage(of).cpu for part, of in pids.items()}


async def requests(made: Cluster) -> int:
    """How many the database has had until now."""
    async with made.servers.database.client() as client:
        status = await client.admin.command("serverStatus")
    return int(status["network"]["numRequests"])


@dataclass(frozen=True)
class Idle:
    """In each second in which nothing is asked: seconds of CPU by part, and requests to the database."""

    cpu: dict[str, float]
    requests: float


async def load(made: Cluster, in_flight: int, until: Until, idle: Idle) -> Load:
    """One load, with what it owes afterwards."""
    url = made.apis[0].url
    asked, before, began = await requests(made), used(made), time.perf_counter()
    took = await rooms(url, in_flight, until)
    lasted = time.perf_counter() - began
    await asyncio.sleep(QUIET_SECONDS)
    after, whole = used(made), time.perf_counter() - began
    asked = await requests(made) - asked
    cpu = {part: after[part] - before[part] for part in PARTS}
    idling = {part: idle.cpu[part] * whole for part in PARTS}
    return Load(took, lasted, cpu, idling, asked - idle.requests * whole)


async def idling(made: Cluster) -> Idle:
    """What they use while nothing is asked."""
    asked, before, began = await requests(made), used(made), time.perf_counter()
    await asyncio.sleep(IDLE_SECONDS)
    seconds, after = time.perf_counter() - began, used(made)
    cpu = {part: (after[part] - before[part]) / seconds for part in PARTS}
    return Idle(cpu, (await requests(made) - asked) / seconds)


async def main(options: argparse.Namespace) -> None:
    """Take turns, and print a row for each load of each checkout, over all turns."""
    found: Loads = {}
    told: dict[str, str] = {}
    settings = UNLIMITED | ({} if options.quiet else {"CALLPLANE_LOG_LEVEL": "info"})
    sides = list(all_sides(options).items())
    async with servers() as around:
        for turn in range(options.turns):
            for name, side in sides[:: 1 if turn % 2 else -1]:
                async with programs_of(around, side, int(options.negotiate), **settings) as made:
                    for kind, one in await loads(made, name, options):
                        found.setdefault(kind, []).append(one)
                    if options.without_events:
                        told[name] = await events_told(made)
    report(found)
    for name, line in told.items():
        print(f"{name}: {line}")


async def loads(made: Cluster, name: str, options: argparse.Namespace) -> list[tuple[Kind, Load]]:
    """A turn of one side: its loads one after the other, on programs that have had some rooms before."""
    await rooms(made.apis[0].url, 4, Until(count=WARM_UP, negotiate=options.negotiate))
    await asyncio.sleep(WARM_UP_OWES)
    idle = await idling(made)
    kinds = [
        Kind(name, in_flight, negotiate)
        for in_flight in options.in_flight
        for negotiate in ([False, True] if options.negotiate else [False])
    ]
    return [
        (kind, await load(made, kind.in_flight, Until(options.seconds, negotiate=kind.negotiate), idle))
        for kind in kinds
    ]


async def events_told(made: Cluster) -> str:
    """Events, each counted once in the timelines, and publications, as the wrapper counts them."""
    database = made.servers.database
    async with database.client() as client, httpx.AsyncClient(trust_env=False) as http:
        events = await client[database.name]["events"].count_documents({})
        text = (await http.get(f"{made.wrappers[0].url}/metrics")).text
    lines = [line for line in text.splitlines() if line.startswith("callplane_events_published_total")]
    published = sum(float(line.rpartition(" ")[2]) for line in lines)
    return f"{published:.0f} publications of {events} events"


if __name__ == "__main__":
    parser = argparse.ArgumentParser("bench.rooms", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each load (%(default)s)")
    parser.add_argument("--in-flight", type=int, nargs="+", default=[1, 16], help="rooms at once (%(default)s)")
    parser.add_argument("--turns", type=int, default=2, help="how often each checkout has its turn (%(default)s)")
    add_sides(parser)
    parser.add_argument("--negotiate", action="store_true", help="also rooms in which one publishes and one subscribes")
    parser.add_argument("--without-events", action="store_true", help="ours also with CALLPLANE_EVENTS=false")
    parser.add_argument("--quiet", action="store_true", help="without access logs")
    asyncio.run(main(parser.parse_args()))
