"""A flag is an event: who waits is woken, who comes later does not wait."""

import asyncio

from callplane.flag import Flag


async def test_a_flag_wakes_all_who_wait_and_holds_back_none_who_come_later() -> None:
    flag = Flag()
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        gone, *waiting = [tasks.create_task(flag.wait()) for _ in range(3)]
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        flag.set()
        for task in waiting:
            await task
        await flag.wait()
        assert (flag.is_set(), gone.cancelled()) == (True, True)
        flag.clear()
        late = tasks.create_task(flag.wait())
        await asyncio.sleep(0)
        assert not (flag.is_set() or late.done())
        flag.set()


async def test_a_flag_that_was_set_may_be_cleared_before_those_it_woke_have_run() -> None:
    flag = Flag()
    waiting = asyncio.create_task(flag.wait())
    await asyncio.sleep(0)
    flag.set()
    flag.clear()
    async with asyncio.timeout(5):
        await waiting
