"""Ghost benchmark: what stays when a process with a live call is killed, round after round.

Two people are in a call; one of them is a process of its own, killed with -9 once both see each other: nothing is
closed, no farewell is sent, as when a browser's tab dies with its machine. After grace + 5 s nothing of that seat may
be left: no seat, no mailbox, no endpoint on the media server. ``--tabs`` kills tabs of Chromium instead.
"""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Browser
from playwright.async_api import Error as PlaywrightError

from bench.calls import servers
from bench.forwarding import child, say, told
from testkit.clients.browsers import AUTOPLAY, chromium
from testkit.clients.browsers import person as page_of
from testkit.clients.calls import KEY, Call, call
from testkit.clients.participant import person, pods
from testkit.clients.self_healing_participant import SelfHealingParticipant
from testkit.crashes.leak_check import children, pipelines
from testkit.servers.programs import Cluster, Size, cluster
from testkit.servers.until import until

AFTER = 5.0
PATIENCE = 30.0

Kill = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Counted:
    """Seats of the session, endpoints of the media server, mailboxes of the broker."""

    seats: int = 0
    endpoints: int = 0
    queues: int = 0

    def beyond(self, other: "Counted") -> "Counted":
        """What there is more than there."""
        more = (self.seats - other.seats, self.endpoints - other.endpoints, self.queues - other.queues)
        return Counted(*more)

    def __str__(self) -> str:
        return f"{self.seats} seats, {self.endpoints} endpoints, {self.queues} queues"


async def guest(given: argparse.Namespace) -> None:
    """Join, send and receive, say who it is, and wait for the end."""
    async with (
        pods(given.urls.split(",")) as ask,
        person(ask, given.session, KEY, name="Guest") as me,
        asyncio.TaskGroup() as group,
    ):
        steadfast = SelfHealingParticipant(me)
        going = group.create_task(steadfast.run())
        await steadfast.sees(1, given.host, frames=5)
        say({"there": True})
        await told()
        going.cancel()


@contextlib.asynccontextmanager
async def process(c: Call, urls: list[str]) -> AsyncIterator[Kill]:
    """A guest in a process of its own, once it sees the host; what kills it."""
    arguments = (f"--urls={','.join(urls)}", f"--session={c.session}", f"--host={c.people[0].person.id}")
    async with child("bench.ghosts", "--role=guest", *arguments) as one:
        await one.hear()

        async def kill() -> None:
            one.process.kill()
            await one.process.wait()

        yield kill


@contextlib.asynccontextmanager
async def tab(c: Call, urls: list[str], browser: Browser) -> AsyncIterator[Kill]:
    """A guest in a tab, once it sees the host; what crashes it, so that no script says good-bye."""
    async with page_of(browser) as someone:
        await someone.opens(f"{urls[0]}/", session=c.session, name="Guest", source="synthetic", auto="1")
        await someone.receives("Person 1", times=1)

        async def kill() -> None:
            with contextlib.suppress(PlaywrightError):  # the crash is the answer
                await someone.page.goto("chrome://crash", timeout=2_000)

        yield kill


async def counted(c: Call, machines: Cluster) -> Counted:
    """What there is now."""
    url = machines.media_servers[0].url
    endpoints = sum([len(await children(url, pipeline)) for pipeline in await pipelines(url)])
    queues = [queue for queue in await machines.servers.vhost.queues() if queue.startswith("user.")]
    return Counted(len((await c.look())["participants"]), endpoints, len(queues))


async def measure(given: argparse.Namespace) -> list[Counted]:
    """What each round left, beside what the host alone has."""
    left: list[Counted] = []
    async with contextlib.AsyncExitStack() as stack:
        around = await stack.enter_async_context(servers())
        size = Size(apis=2, wrappers=2, media_servers=1)
        machines = await stack.enter_async_context(cluster(around, size, CALLPLANE_OPEN_ACCESS="true"))
        urls = [api.url for api in machines.apis]
        c = await stack.enter_async_context(call(urls, people=1, grace=given.grace))
        browser = await stack.enter_async_context(chromium(AUTOPLAY)) if given.tabs else None
        await c.people[0].person.heard(lambda m: m["type"] == "stream-published")
        alone = await counted(c, machines)
        for number in range(1, given.rounds + 1):
            async with process(c, urls) if browser is None else tab(c, urls, browser) as kill:
                await kill()
                await asyncio.sleep(given.grace + AFTER)
                left.append((await counted(c, machines)).beyond(alone))
                print(f"round {number}: {left[-1]} left after {given.grace + AFTER:g} s", flush=True)
                # A late one is no ghost of the next round, but it has been counted.
                await until(lambda: _alone(c, machines, alone), PATIENCE)
    return left


async def _alone(c: Call, machines: Cluster, alone: Counted) -> bool:
    return await counted(c, machines) == alone


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser("bench.ghosts", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="kills (%(default)s)")
    parser.add_argument("--grace", type=int, default=30, help="the session's grace in seconds (%(default)s)")
    parser.add_argument("--tabs", action="store_true", help="kill tabs of Chromium, not processes with aiortc")
    parser.add_argument("--role", choices=["guest"], help=argparse.SUPPRESS)
    for hidden in ("--urls", "--session", "--host"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.role:
        asyncio.run(guest(given))
        return 0
    left = asyncio.run(measure(given))
    ghosts = sum(one != Counted() for one in left)
    print(f"{len(left)} kills, grace {given.grace} s: {ghosts} left ghosts after grace + {AFTER:g} s")
    return 1 if ghosts else 0


if __name__ == "__main__":
    sys.exit(main())
