"""A thousand mailboxes may change hands within a second: their store calls take turns."""

import asyncio

from api.mailboxes.link_tasks import AT_ONCE, IN_LINE, link_tasks


async def test_store_calls_take_turns() -> None:
    running = most = done = 0

    async def call() -> None:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        done += 1

    async with asyncio.timeout(10), link_tasks(lambda _: None) as tasks:
        for _ in range(AT_ONCE):
            tasks.start_uncancelled(call)
        await asyncio.gather(*(tasks.in_line(call) for _ in range(2 * AT_ONCE)))
        assert (most, done) == (AT_ONCE, 3 * AT_ONCE)
        await asyncio.gather(*(tasks.shielded(call) for _ in range(2 * AT_ONCE)))
    assert (most, done) == (AT_ONCE, 5 * AT_ONCE)


async def test_who_is_attached_waits_behind_no_newcomer() -> None:
    """And a line that is long enough is told apart, until it is shorter."""
    go = asyncio.Event()

    async def wait() -> None:
        await go.wait()

    async def call() -> int:
        return 1

    async with asyncio.timeout(10), link_tasks(lambda _: None) as tasks:
        for _ in range(IN_LINE):
            assert not tasks.is_crowded
            tasks.start_uncancelled(wait)
        assert tasks.is_crowded
        assert await tasks.shielded(call) == 1
        go.set()
        assert await tasks.in_line(call) == 1
        assert not tasks.is_crowded
