"""A reader of the stream that is killed at random reads every version once, after de-duplication, and in order.

The short one of its kind, on both buses, is in ``tests/conformance/bus/test_stream.py``.
"""

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from callplane.bus.ports import Bus
from callplane.bus.rabbitmq import RabbitSettings, open_bus
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import SessionId
from cli.machine.rabbitmq import RabbitMQ, rabbitmq
from testkit.deploy.manifests import ROOT
from testkit.inprocess.streams import BOUNDS, happened
from testkit.servers.servers import fresh_vhost
from testkit.servers.until import until

SESSIONS = [SessionId(f"s{n}") for n in range(4)]


@asynccontextmanager
async def reader(url: str, file: Path) -> AsyncIterator[None]:
    """A process that reads until the block ends, which kills it."""
    program = ("-m", "testkit.servers.stream_reader", url, str(file))
    process = await asyncio.create_subprocess_exec(sys.executable, *program, cwd=ROOT)
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def publish(bus: Bus, versions: range) -> None:
    """Each version of each session, as a carrier does: until it is confirmed, so now and then twice."""
    for version in versions:
        for where in SESSIONS:
            while True:
                try:
                    await bus.events.publish([happened(where, version)])
                    break
                except Unavailable:
                    await asyncio.sleep(0.05)


def lines(file: Path) -> list[str]:
    """What was read."""
    return file.read_text().splitlines() if file.exists() else []


async def read_past(file: Path, count: int) -> None:
    """Wait until so many lines are there."""

    async def are_there() -> bool:
        return len(lines(file)) >= count

    await until(are_there, 60)


def require_whole(file: Path, versions: int) -> None:
    """Every version of every session once, in order, when what came twice is left out."""
    ids = list(dict.fromkeys(line.split()[1] for line in lines(file)))
    for where in SESSIONS:
        assert [one for one in ids if one.startswith(f"{where}:")] == [f"{where}:{n}" for n in range(1, versions + 1)]


async def read_to_the_end(url: str, file: Path, versions: int) -> None:
    """Let the last reader come to the last version of each."""
    async with reader(url, file):
        last = {f"{where}:{versions}" for where in SESSIONS}

        async def has_all() -> bool:
            return last <= {line.split()[1] for line in lines(file)[-50 * len(SESSIONS) :]}

        await until(has_all, 60)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(2))
async def test_readers_and_rabbitmq_are_killed_again_and_again(tmp_path: Path, seed: int) -> None:
    """At offsets that chance says, while versions are published; RabbitMQ as by a power cut."""
    file, chance, versions = tmp_path / "read", random.Random(seed), 400
    async with (
        rabbitmq(tmp_path / "rabbitmq") as node,
        fresh_vhost(node) as vhost,
        open_bus(RabbitSettings(vhost.url, stream=BOUNDS)) as bus,
    ):
        await bus.wait_up(10)
        publishing = asyncio.ensure_future(publish(bus, range(1, versions + 1)))
        await _kill(vhost.url, node, file, chance)
        await publishing
        await read_to_the_end(vhost.url, file, versions)
    require_whole(file, versions)


async def _kill(url: str, node: RabbitMQ, file: Path, chance: random.Random) -> None:
    for turn in range(12):
        async with reader(url, file):
            await read_past(file, min(len(lines(file)) + chance.randrange(1, 120), 1500))
            if turn % 4 == 1:
                await node.kill()
                await node.start()
                await read_past(file, min(len(lines(file)) + chance.randrange(1, 30), 1550))
