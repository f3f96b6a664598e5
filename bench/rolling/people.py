"""The people of a run, in processes of their own: ``python -m bench.rolling.people``."""

import argparse
import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aioice.ice

from bench.forwarding import Child, child, say, told
from bench.rolling.asking import Requests, asking
from bench.rolling.caller import Caller, caller
from bench.rolling.pictures import encoded
from bench.rolling.verdict import Records
from bench.rolling.visitor import Visitor
from testkit.clients.calls import KEY
from testkit.servers.until import until

HEARD_WITHIN = 20.0
READY_WITHIN = 120.0


@dataclass(frozen=True)
class Size:
    """How many people, how they are spread, and how much they do; times are seconds."""

    calls: int = 20
    processes: int = 2
    every: float = 2.0
    """Between two signals of one person."""
    visit: float = 2.0
    """Between two rounds of a process's visitor."""


async def play(given: argparse.Namespace) -> None:
    """Set the calls up one by one, talk until told to stop, wait for what was acknowledged, write the account."""
    pictures = encoded()
    async with contextlib.AsyncExitStack() as stack:
        group = await stack.enter_async_context(asyncio.TaskGroup())
        people = []
        for number in range(1, given.calls + 1):
            people.append(await _call(stack, given.url, pictures))
            say({"call": number})
        callers = [one for pair in people for one in pair]
        visitor = Visitor(given.url, given.visit)
        talks = [group.create_task(one.talk(given.every)) for one in callers]
        talks.append(group.create_task(visitor.run()))
        await told()
        for talking in (visitor.talking, *(one.talking for one in callers)):
            talking.clear()
        await asyncio.gather(*talks)
        for pair in people:
            await _everything_heard(pair)
        names = [f"call {n}, {which}" for n in range(1, given.calls + 1) for which in ("first", "second")]
        accounts = [one.account(name) for one, name in zip(callers, names, strict=True)]
        given.account.write_text(json.dumps({"callers": accounts, "visitors": [visitor.account()]}))
        say({"done": True})


async def _call(stack: contextlib.AsyncExitStack, url: str, pictures: list[bytes]) -> list[Caller]:
    """Two people who see each other."""
    ask = await stack.enter_async_context(asking(url, Requests()))
    session = (await ask("POST", "/v1/sessions", headers=KEY, json={})).json()["id"]
    pair = [await stack.enter_async_context(caller(url, session, KEY, name)) for name in ("first", "second")]
    for one in pair:
        await one.send(pictures)
    for one, other in zip(pair, reversed(pair), strict=True):
        await one.receive(other.id)
    for one in pair:
        await until(one.sees, READY_WITHIN)
    return pair


async def _everything_heard(pair: list[Caller]) -> None:
    """Give what was acknowledged the time to arrive; what is missing then is the checker's business."""
    one, other = pair
    with contextlib.suppress(TimeoutError):
        await until(lambda: one.heard_all_of(other), HEARD_WITHIN)
        await until(lambda: other.heard_all_of(one), HEARD_WITHIN)


class Crowd:
    """The processes of the people, seen from the run."""

    def __init__(self, children: list[Child], accounts: list[Path]) -> None:
        self.children = children
        self._accounts = accounts

    async def finish(self) -> Records:
        """Let everybody come to an end; what they have to say."""
        for one in self.children:
            one.tell()
        for one in self.children:
            await one.hear()
        return Records.read(self._accounts)

    def cpu(self) -> float:
        """The seconds of CPU that they have used."""
        return sum(one.cpu() for one in self.children)


@contextlib.asynccontextmanager
async def crowd(url: str, size: Size, files: Path) -> AsyncIterator[Crowd]:
    """The people, shared out among processes, once all see each other."""
    shares = [size.calls // size.processes + (n < size.calls % size.processes) for n in range(size.processes)]
    accounts = [files / f"people-{n}.json" for n, share in enumerate(shares) if share]
    common = ("bench.rolling.people", f"--url={url}", f"--every={size.every}", f"--visit={size.visit}")
    async with contextlib.AsyncExitStack() as stack:
        children = [
            await stack.enter_async_context(child(*common, f"--calls={share}", f"--account={account}"))
            for share, account in zip([share for share in shares if share], accounts, strict=True)
        ]
        for one, share in zip(children, shares, strict=False):
            for _ in range(share):
                await one.hear()
        yield Crowd(children, accounts)


def main() -> None:
    """Read the command line and play."""
    # aioice ends a connection after six answers to STUN that took more than half a second each, which on a busy machine
    # says something about the machine. Whether media flows is seen by the pictures.
    aioice.ice.__dict__["CONSENT_FAILURES"] = 1_000
    parser = argparse.ArgumentParser("bench.rolling.people", description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--every", type=float, required=True, help="seconds between two signals of one person")
    parser.add_argument("--visit", type=float, required=True, help="seconds between two rounds of the visitor")
    parser.add_argument("--account", type=Path, required=True)
    asyncio.run(play(parser.parse_args()))


if __name__ == "__main__":
    main()
