"""Cancelling who waits for the database, on a real one: the operation ends by itself, the client stays whole."""

import asyncio

from callplane.store.change_stream import watch
from callplane.store.mongo.database import open_database
from testkit.servers.machine_time import within
from testkit.servers.servers import Database


async def test_a_cancelled_caller_leaves_its_operation_to_its_end(database: Database) -> None:
    async with open_database(database.url, database.name) as opened:
        for n in range(200):
            waiting = asyncio.ensure_future(opened["things"].insert_one({"_id": n}))
            for _ in range(n % 7):
                await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
            assert waiting.cancelled() or n % 7, "cancelled before it began"
    async with open_database(database.url, database.name) as opened:
        begun = await opened["things"].count_documents({})
    assert begun >= 150, "what had begun was carried out"


async def test_what_nobody_waits_for_any_more_has_landed_when_it_was_asked_for(database: Database) -> None:
    async with open_database(database.url, database.name) as opened, watch(opened, 5000) as stream:
        looking = asyncio.ensure_future(stream.next())  # which changes nothing, and waits for seconds
        writing = [asyncio.ensure_future(opened["things"].insert_one({"_id": n})) for n in range(20)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for one in writing:
            one.cancel()
        await asyncio.wait(writing)
        async with within(3):
            await opened.wait_for_writes(10)
        assert await opened["things"].count_documents({}) == 20
        looking.cancel()


async def test_many_cancellations_do_not_take_the_client_along(database: Database) -> None:
    async with open_database(database.url, database.name) as opened:

        async def hasty(n: int) -> None:
            try:
                async with asyncio.timeout(0.001 * (n % 5)):
                    await opened["things"].find_one({"_id": n})
            except TimeoutError:
                pass

        async with asyncio.timeout(20):
            for _ in range(20):
                async with asyncio.TaskGroup() as group:
                    for n in range(20):
                        group.create_task(hasty(n))
            assert await opened["things"].find_one({"_id": "still there"}) is None


async def test_what_fails_with_nobody_waiting_is_no_error_of_the_loop(database: Database) -> None:
    async with open_database(database.url, database.name) as opened:
        waiting = asyncio.ensure_future(opened["things"].update_one({"_id": 1}, {"no operator": 1}))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
