"""Console benchmark: what an operator's console costs API and database, and how soon it shows something.

    python -m bench.console [--sessions 10000] [--people 3] [--seconds 20] [--looks 10] [--no-browser]

So many open sessions lie in MongoDB, each with so many people and streams. The overview is asked for every 3 s, and
what it shows besides every fifth time, as the console asks them; CPU is /proc's, idling taken off. Then a Chromium
signs in to the console anew, so many times: until the page's first paint, and until the overview's figures are there.
"""

import argparse
import asyncio
import itertools
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bench.calls import servers
from bench.open_sessions import TOGETHER
from bench.scale import cpu_of
from callplane.contracts.ids import new_id
from callplane.telemetry.logs import configure_logs
from callplane_client import AsyncCallplane, AsyncWay, Retries
from testkit.clients.browsers import chromium
from testkit.inprocess.crowded_database import session
from testkit.servers.programs import API_KEY, Size, cluster
from testkit.servers.servers import Servers

EVERY = 3.0
ALWAYS, SELDOM = ("/overview",), ("/media-servers", "/dead-letters", "/processes")
SELDOM_EACH = 5
"""Every so manieth time the console asks these as well."""


def _occupied(people: int) -> dict[str, Any]:
    seats = [{"id": new_id(), "name": "Somebody", "role": "publisher", "state": "joined"} for _ in range(people)]
    streams = [{"connection_id": new_id(), "participant_id": seat["id"], "media": ["audio", "video"]} for seat in seats]
    return session(participants=seats, streams=streams, engine="log", commands="sharded", tenant="tests")


async def fill(around: Servers, count: int, people: int) -> None:
    """Open so many sessions, with people who send."""
    async with around.database.client() as client:
        sessions = client[around.database.name]["sessions"]
        for start in range(0, count, TOGETHER):
            await sessions.insert_many([_occupied(people) for _ in range(min(TOGETHER, count - start))])


async def costs(pids: list[int], seconds: float, ask: Callable[[], Awaitable[None]]) -> list[float]:
    """CPU of each process, as a share of a core, while this is done every ``EVERY`` seconds."""
    before, began = [cpu_of(pid) for pid in pids], time.monotonic()
    while time.monotonic() - began < seconds:
        await asyncio.gather(ask(), asyncio.sleep(EVERY))
    took = time.monotonic() - began
    return [(cpu_of(pid) - was) / took for pid, was in zip(pids, before, strict=True)]


async def paints(url: str, looks: int) -> tuple[list[float], list[float]]:
    """Seconds until the first paint, and until the figures stand there."""
    first, shown = [], []
    async with chromium() as browser:
        for _ in range(looks):
            context = await browser.new_context()
            page = await context.new_page()
            began = time.perf_counter()
            await page.goto(f"{url}/console#key={API_KEY}")
            await page.locator(".figure", has_text="open sessions").wait_for()
            shown.append(time.perf_counter() - began)
            paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"
            first.append(await page.evaluate(paint) / 1e3)
            await context.close()
    return first, shown


async def main(options: argparse.Namespace) -> None:
    """Idling, then asking, then a browser."""
    async with servers() as around, cluster(around, Size(apis=1, wrappers=1, media_servers=1)) as machines:
        await fill(around, options.sessions, options.people)
        [api] = machines.apis
        pids = [api.process.pid, around.database.server.process.pid]
        took: dict[str, list[float]] = {path: [] for path in (*ALWAYS, *SELDOM)}
        turns = itertools.count()
        once = AsyncWay(Retries(patience=0, attempt=30))
        async with AsyncCallplane(api.url, api_key=API_KEY, way=once) as callplane:

            async def ask() -> None:
                for path in (*ALWAYS, *(SELDOM if next(turns) % SELDOM_EACH == 0 else ())):
                    began = time.perf_counter()
                    await callplane.request("GET", path)
                    took[path].append(time.perf_counter() - began)

            idle = await costs(pids, options.seconds, lambda: asyncio.sleep(0))
            busy = await costs(pids, options.seconds, ask)
        for name, less, more in zip(("api", "mongod"), idle, busy, strict=True):
            print(f"{name}: {less:.2%} of a core idle, {more:.2%} asked every {EVERY:g} s: {more - less:.2%} for it")
        for path, times in took.items():
            print(f"  {path}: {statistics.median(times) * 1e3:.0f} ms at the median")
        if not options.no_browser:
            first, shown = await paints(api.url, options.looks)
            print(f"console: first paint {statistics.median(first):.2f} s, figures {statistics.median(shown):.2f} s")
        print(f"  {options.sessions} sessions of {options.people}, load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser("bench.console", description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--people", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0, help="of idling, and of asking")
    parser.add_argument("--looks", type=int, default=10)
    parser.add_argument("--no-browser", action="store_true")
    configure_logs("warning")
    asyncio.run(main(parser.parse_args()))
