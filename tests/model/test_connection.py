"""A connection's life in any interleaving of two wrappers, call by call on a real mongod (design 5).

Offers (once more while the first is at work), candidates, stop, leave, a lost pipeline and deaths; ``FAULTS=all``
tries more of them.
"""

import asyncio
import os
import random
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from cli.machine.mongod import Mongod
from testkit.crashes.call_scheduler import World
from testkit.crashes.connection_life import ConnectionLife
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import fresh_database

ALL = os.environ.get("FAULTS") == "all"
EXAMPLES = 1500 if ALL else 25
ON_LOG = 750 if ALL else 10


@pytest.fixture(scope="module")
def store(runner: asyncio.Runner, mongod_server: Mongod) -> Iterator[Repositories]:
    """One database for all examples: each has a session of its own."""
    stack = AsyncExitStack()

    async def opened() -> Repositories:
        corner = await stack.enter_async_context(fresh_database(mongod_server))
        return await stack.enter_async_context(repositories(corner, durable=False))

    yield runner.run(opened())
    runner.run(stack.aclose())


LIVES = settings(
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],  # a smaller seed is no smaller life
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.timeout(900 if ALL else 120)
@settings(LIVES, max_examples=EXAMPLES)
@given(seed=st.integers(0, 2**32))
def test_any_interleaving_of_two_wrappers_keeps_the_invariants(
    runner: asyncio.Runner, store: Repositories, seed: int
) -> None:
    runner.run(_live(World(store), seed))


@pytest.mark.timeout(900 if ALL else 120)
@settings(LIVES, max_examples=ON_LOG)
@given(seed=st.integers(0, 2**32))
def test_what_any_interleaving_tells_stands_in_the_logs_once_and_in_order(
    runner: asyncio.Runner, store: Repositories, seed: int
) -> None:
    runner.run(_live(World(store, "log"), seed))


async def _live(world: World, seed: int) -> None:
    # Not drawn one by one: hypothesis prefers small numbers, which is to say the same order again and again.
    life = ConnectionLife(world, random.Random(seed))
    await life.begin()
    try:
        await life.live()
    except BaseException:
        note("\n".join(life.history))
        raise
