"""The pool's guards: whose turn it is to move sessions, who is chosen, and what operators' orders mean."""

import asyncio

from callplane.contracts.media import MediaRef
from callplane.store.placements import PLACED_KIB
from callplane.store.server_pool import ServerPool
from testkit.inprocess.repositories import Repositories, repositories
from testkit.servers.servers import Database
from testkit.servers.until import until

BOTH = frozenset({"a", "b"})


async def pool_of(store: Repositories, **memory: int) -> ServerPool:
    """These servers, up, with so much memory in use."""
    for name, used in memory.items():
        await store.servers.register(name, f"ws://{name}/")
        await store.servers.mark_reached(name, "wrapper", f"process of {name}")
        await store.servers.set_memory(name, used)
    return ServerPool(store.database)


async def test_one_has_the_turn_until_it_is_over(database: Database) -> None:
    async with repositories(database) as store:
        pool = await pool_of(store, a=1)

        async def turns(seconds: float) -> int:
            return sum(await asyncio.gather(*(store.servers.claim_turn("a", seconds) for _ in range(10))))

        assert await turns(1) == 0  # it is not drained
        await pool.change("a", cordoned=None, draining=True)
        assert await turns(60) == 1
        assert await turns(60) == 0
        assert await turns(0) >= 1
        await pool.change("a", cordoned=False, draining=None)
        assert await turns(0) == 0


async def test_the_emptiest_that_is_open_and_reached_is_chosen_and_counted(database: Database) -> None:
    async with repositories(database) as store:
        pool = await pool_of(store, a=100, b=100 + PLACED_KIB + 1)
        chosen = [await store.servers.reserve(None, BOTH) for _ in range(3)]
        assert [one[0].name for one in chosen if one] == ["a", "a", "b"]
        assert await store.servers.reserve(None, frozenset()) is None
        former = await store.servers.reserve("b", BOTH)
        assert former is not None
        assert former[0].name == "b"
        await pool.change("b", cordoned=True, draining=None)
        other = await store.servers.reserve("b", BOTH)
        assert other is not None
        assert other[0].name == "a"
        assert await store.servers.reserve("b", frozenset("b")) is None
        assert (await store.servers.find_available(), await store.servers.has_room_elsewhere("a")) == ("a", False)


async def test_all_at_once_are_counted_each_once(database: Database) -> None:
    async with repositories(database) as one, repositories(database) as two:
        await pool_of(one, a=100, b=100)
        who = [store.servers.reserve(None, BOTH) for _ in range(20) for store in (one, two)]
        chosen = [reserved[0].name for reserved in await asyncio.gather(*who) if reserved]
        assert (chosen.count("a"), chosen.count("b")) == (20, 20)

        async def counted() -> bool:
            return [server.placed for server in await one.servers.all()] == [20 * PLACED_KIB] * 2

        await until(counted)


async def test_sessions_of_a_removed_server_are_lost_and_of_others_not(database: Database) -> None:
    async with repositories(database) as store:
        session = await store.session()
        await store.media.place(session.id, 1, MediaRef("a", "pipeline"), "process of a", "a test")
        assert await store.sessions.on_servers_lost({"a": "process of a", "b": None}) == []
        for pool in ({"b": "process of b"}, {}):
            assert [lost.id for lost in await store.sessions.on_servers_lost(pool)] == [session.id]


async def test_what_an_operator_removed_is_not_brought_back_by_settings(database: Database) -> None:
    async with repositories(database) as store:
        pool = ServerPool(store.database)
        assert await store.servers.configure("a", "ws://a/")
        assert await pool.remove("a") == "removed"
        assert await pool.remove("a") == "unknown"
        assert not await store.servers.configure("a", "ws://a/")
        assert await store.servers.all() == []
        assert await store.servers.configure("a", "ws://elsewhere/"), "another machine under the same name"
        assert await pool.remove("a") == "removed"
        assert await pool.add("a", "ws://elsewhere/")
        assert await store.servers.configure("a", "ws://elsewhere/"), "added again"
        assert [server.url for server in await store.servers.all()] == ["ws://elsewhere/"]


async def test_an_order_to_remove_what_is_just_configured_stands(database: Database) -> None:
    async with repositories(database) as store:
        for _ in range(10):
            pool = ServerPool(store.database)
            assert await pool.add("a", "ws://a/")
            configured = (store.servers.configure("a", "ws://a/") for _ in range(5))
            removed, *_ = await asyncio.gather(pool.remove("a"), *configured)
            assert removed in ("removed", "unknown")
            assert [server.name for server in await store.servers.all()] == []


async def test_a_reading_takes_the_place_of_what_was_placed_before_it_and_of_nothing_else(database: Database) -> None:
    async with repositories(database) as store:
        await pool_of(store, a=100)
        await store.servers.reserve(None, BOTH)
        one, other = await store.servers.begin_reading("a"), await store.servers.begin_reading("a")
        await asyncio.gather(*(store.servers.reserve(None, BOTH) for _ in range(2)))
        await store.servers.set_memory("a", 500, one)
        await store.servers.set_memory("a", 300, other)  # of a wrapper that was paused: it has come too late
        [now] = await store.servers.all()
        assert (now.memory, now.placed) == (500, 2 * PLACED_KIB)
        await store.servers.unreserve("a")
        last = await store.servers.begin_reading("a")
        await store.servers.unreserve("a")
        await store.servers.set_memory("a", 400, last)
        [now] = await store.servers.all()
        assert (now.memory, now.placed) == (400, 0)


async def test_sessions_are_spread_although_every_wrapper_reads_the_memory(database: Database) -> None:
    async with repositories(database) as store:
        await pool_of(store, a=100_000, b=100_000 + 20 * PLACED_KIB)
        wrappers = [await store.servers.begin_reading("a") for _ in range(6)]
        chosen: list[str] = []
        for reading in wrappers:  # each has seen nothing yet of what is placed meanwhile
            reserved = await asyncio.gather(*(store.servers.reserve(None, BOTH) for _ in range(10)))
            chosen += [one[0].name for one in reserved if one]
            await store.servers.set_memory("a", 100_000, reading)
        assert (chosen.count("a"), chosen.count("b")) == (40, 20)


async def test_who_has_just_refused_is_chosen_last(database: Database) -> None:
    async with repositories(database) as store:
        await pool_of(store, a=100, b=1_000_000)
        await store.servers.avoid("a")
        for former in (None, "a"):
            reserved = await store.servers.reserve(former, BOTH)
            assert reserved is not None
            assert reserved[0].name == "b"
        alone = await store.servers.reserve(None, frozenset("a"))
        assert alone is not None
        assert alone[0].name == "a"
        past = [{"$set": {"avoided_until": {"$subtract": ["$$NOW", 1]}}}]
        await store.database["media_servers"].update_one({"_id": "a"}, past)
        again = await store.servers.reserve(None, BOTH)
        assert again is not None
        assert again[0].name == "a"
