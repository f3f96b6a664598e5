"""How long replies are waited for while the program serves, and once it drains."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from api.dispatch.reply_timeouts import ReplyTimeouts
from callplane.concurrency import alongside


@asynccontextmanager
async def running(drain_wait: float, draining: asyncio.Event) -> AsyncIterator[ReplyTimeouts]:
    """As the program has it."""
    timeouts = ReplyTimeouts(8.0, drain_wait, draining)
    async with asyncio.timeout(5), alongside(timeouts.run()):
        yield timeouts


async def test_what_comes_in_time_is_what_comes() -> None:
    async with running(0.01, asyncio.Event()) as timeouts:
        assert await timeouts.until_drained(asyncio.sleep(0.1, "reply")) == "reply"


async def test_a_drain_shortens_what_waits_and_what_begins_to() -> None:
    draining = asyncio.Event()
    async with running(0.05, draining) as timeouts, asyncio.TaskGroup() as tasks:
        waits = [tasks.create_task(timeouts.until_drained(asyncio.sleep(60, "reply"))) for _ in range(2)]
        await asyncio.sleep(0)
        draining.set()
        assert await timeouts.until_drained(asyncio.sleep(60, "reply")) is None
        assert [await one for one in waits] == [None, None]


@pytest.mark.parametrize("drain_wait", [0.0, 0.05])
async def test_what_is_quick_is_answered_during_a_drain_or_is_cut_off_with_it(drain_wait: float) -> None:
    draining = asyncio.Event()
    async with running(drain_wait, draining) as timeouts:
        draining.set()
        assert await timeouts.until_drained(asyncio.sleep(0.01, "reply")) == ("reply" if drain_wait else None)


async def test_what_fails_fails_as_it_does() -> None:
    async def failing() -> None:
        raise LookupError

    async with running(1.0, asyncio.Event()) as timeouts:
        with pytest.raises(LookupError):
            await timeouts.until_drained(failing())
