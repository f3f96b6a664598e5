"""SIGKILL to a wrapper that owns hundreds of connections: how soon survivors own them, and hear them.

    python -m bench.adoption [--connections 600] [--rounds 3]

An API pod, three wrappers and a media server are processes of their own on a private RabbitMQ and a private mongod.
Every seat publishes one stream; then a wrapper is killed, in turn. Its lease has to run out first; from the first
connection that a survivor owns, the time counts until all are owned, and until all are heard: until then an event of
theirs is told to nobody, which is why each is reconciled after that.
"""

import argparse
import asyncio
import re
import sys
import time
from collections import Counter
from typing import Any

import httpx

from bench.calls import servers
from callplane_client import AsyncCallplane
from testkit.fakes.sdp import OFFER
from testkit.servers.programs import API_KEY, Cluster, Program, Size, cluster
from testkit.servers.servers import Servers
from testkit.servers.until import until

SEATS_EACH = 10
AT_ONCE = 8
PATIENCE = 120.0
LONG_GRACE = 900
"""No media ever comes to these connections; they are there for as long as the bench."""
TARGET = 5.0
"""Seconds from the kill until every connection of the dead has a living owner (design 10)."""

# The last call on the media server by which a wrapper begins to hear a connection that it has not made.
_HEARD = re.compile(
    r'^callplane_kurento_call_seconds_count\{operation="getLocalSessionDescriptor",outcome="done"\} ([0-9.e+]+)$',
    re.MULTILINE,
)


async def publish(url: str, connections: int) -> None:
    """So many publishers, ten to a session."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def some(seats: int) -> None:
        async with gate:
            session = await callplane.sessions.create(grace=LONG_GRACE)
            for _ in range(seats):
                seat = callplane.seat(await callplane.participants.join(session.id))
                await seat.offer("publish", OFFER)

    async with AsyncCallplane(url, api_key=API_KEY) as callplane, asyncio.TaskGroup() as group:
        for first in range(0, connections, SEATS_EACH):
            group.create_task(some(min(SEATS_EACH, connections - first)))


async def owners(around: Servers) -> Counter[str]:
    """How many ready connections each wrapper owns."""
    stages: list[dict[str, Any]] = [{"$match": {"state": "ready"}}, {"$group": {"_id": "$owner", "count": {"$sum": 1}}}]
    async with around.database.client() as client:
        found = await client[around.database.name].connections.aggregate(stages)
        return Counter({str(one["_id"]): one["count"] async for one in found})


async def kill(http: httpx.AsyncClient, around: Servers, machines: Cluster, victim: Program) -> bool:
    """One wrapper dies; prints what became of its connections, and says whether it was soon enough."""
    survivors = [program for program in machines.wrappers if program is not victim]
    before, heard = await owners(around), await _heard(http, survivors)
    began = time.monotonic()
    await victim.kill()
    await until(lambda: _differs(around, before), PATIENCE)
    first = time.monotonic() - began
    now = await owners(around)
    [dead] = [owner for owner, count in before.items() if now[owner] < count]
    count = before[dead]
    await until(lambda: _is_gone(around, dead), PATIENCE)
    owned = time.monotonic() - began
    await until(lambda: _are_heard(http, survivors, heard + count), PATIENCE)
    all_heard = time.monotonic() - began
    print(
        f"{count} connections: the first was adopted {first:.1f} s after the kill, the last {owned - first:.1f} s "
        f"after that, all were heard {all_heard - first:.1f} s after that",
        flush=True,
    )
    return owned < TARGET


async def _differs(around: Servers, before: Counter[str]) -> bool:
    return await owners(around) != before


async def _is_gone(around: Servers, dead: str) -> bool:
    return (await owners(around))[dead] == 0


async def _heard(http: httpx.AsyncClient, wrappers: list[Program]) -> int:
    texts = [(await http.get(f"{program.url}/metrics")).text for program in wrappers]
    return sum(int(float(count)) for text in texts for count in _HEARD.findall(text))


async def _are_heard(http: httpx.AsyncClient, wrappers: list[Program], count: int) -> bool:
    return await _heard(http, wrappers) >= count


async def measure(given: argparse.Namespace) -> bool:
    """All rounds; who was killed is started again."""
    good = True
    size = Size(apis=1, wrappers=3, media_servers=1)
    async with servers() as around, cluster(around, size) as machines, httpx.AsyncClient(timeout=30) as http:
        await publish(machines.apis[0].url, given.connections)
        for number in range(given.rounds):
            victim = machines.wrappers[number % len(machines.wrappers)]
            good = await kill(http, around, machines, victim) and good
            await victim.restart()
    return good


def main() -> int:
    """Read the command line and run; 1 when a round was slower than promised."""
    parser = argparse.ArgumentParser(
        "bench.adoption", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--connections", type=int, default=600, help="publishers in all (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="kills (%(default)s)")
    good = asyncio.run(measure(parser.parse_args()))
    print(f"every connection had a living owner < {TARGET:.0f} s after the kill: {'yes' if good else 'NO'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
