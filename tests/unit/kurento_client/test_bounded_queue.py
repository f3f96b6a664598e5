import asyncio

import pytest

from kurento_client.bounded_queue import BoundedQueue


async def test_items_come_in_order_and_end_with_the_stream() -> None:
    stream: BoundedQueue[int] = BoundedQueue(10)
    for item in range(3):
        assert stream.offer(item)
    stream.close()
    assert [item async for item in stream] == [0, 1, 2]


async def test_a_reader_waits_for_the_next_item() -> None:
    stream: BoundedQueue[int] = BoundedQueue(1)
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(stream.__anext__())
        await asyncio.sleep(0)
        stream.offer(7)
    assert reading.result() == 7


async def test_a_full_stream_refuses_or_loses_its_oldest() -> None:
    stream: BoundedQueue[int] = BoundedQueue(2)
    assert [stream.offer(item) for item in range(3)] == [True, True, False]
    stream.push(9)
    assert len(stream) == 2
    assert [await anext(stream), await anext(stream)] == [1, 9]


async def test_a_reader_cut_off_by_its_deadline_loses_nothing() -> None:
    stream: BoundedQueue[int] = BoundedQueue(2)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await anext(stream)
    stream.offer(1)
    assert await anext(stream) == 1


async def test_a_closed_stream_takes_nothing_and_ends_every_reader() -> None:
    stream: BoundedQueue[int] = BoundedQueue(2)

    async def read() -> list[int]:
        return [item async for item in stream]

    async with asyncio.TaskGroup() as group:
        readers = [group.create_task(read()) for _ in range(2)]
        await asyncio.sleep(0)
        stream.close()
        stream.offer(1)
    assert [each.result() for each in readers] == [[], []]
