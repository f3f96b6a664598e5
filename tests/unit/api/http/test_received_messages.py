"""What a socket's program has yet to receive: in order, for a reader that may be cancelled while it waits."""

import asyncio

from api.http.websocket_protocol import ReceivedMessages


async def test_messages_come_in_order_to_who_waits_and_to_who_comes_later() -> None:
    queue = ReceivedMessages()
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(queue.get())
        await asyncio.sleep(0)
        for message in (1, 2, 3):
            queue.put_nowait(message)
        assert await waiting == 1
        assert [await queue.get(), queue.empty(), await queue.get(), queue.empty()] == [2, False, 3, True]


async def test_a_message_outlives_a_reader_that_was_cancelled_as_it_came() -> None:
    queue = ReceivedMessages()
    for comes_first in (True, False):
        waiting = asyncio.create_task(queue.get())
        await asyncio.sleep(0)
        if comes_first:
            queue.put_nowait("one")
        waiting.cancel()
        await asyncio.wait((waiting,))
        if not comes_first:
            queue.put_nowait("one")
        async with asyncio.timeout(5):
            assert await queue.get() == "one"
