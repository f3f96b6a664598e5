"""A thousand mailboxes may change hands within a second: their store calls take turns."""

import asyncio

from api.mailboxes.tasks import AT_ONCE, link_tasks


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
            tasks.start_unbroken(call)
        await asyncio.gather(*(tasks.to_its_end(call) for _ in range(2 * AT_ONCE)))
    assert (most, done) == (AT_ONCE, 3 * AT_ONCE)
