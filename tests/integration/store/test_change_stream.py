"""The change stream on a real mongod: what it shows, and that stream first, list second misses nothing."""

import asyncio

from callplane.contracts.commands import CreateSession
from callplane.contracts.ids import SessionId, new_id
from callplane.contracts.media import MediaRef
from callplane.store.change_stream import StreamEvent, watch
from testkit.inprocess.repositories import repositories
from testkit.servers.servers import Database


async def test_it_shows_opening_closing_loss_and_the_pool(database: Database) -> None:
    async with repositories(database) as store, watch(store.database, wait_ms=200) as stream:
        session = await store.session()
        await store.seated(session.id, "p1")
        placed = await store.media.place(session.id, 1, MediaRef("a", "pipe"), "process", "only one")
        assert placed is not None
        await store.media.lose(placed.document, "gone")
        await store.servers.register("a", "ws://127.0.0.1:1/kurento")
        await store.servers.mark_reached("a", "w", "process")
        await store.servers.set_memory("a", 1000)
        assert await store.servers.claim_monitor("a", "w")
        assert await store.servers.mark_unreached("a", "w", refused=True)
        await store.sessions.close(session.id, "closed")
        seen: list[StreamEvent] = []
        async with asyncio.timeout(10):
            while len(seen) < 6:
                seen += [fact for fact in [await stream.next()] if fact]
        assert seen == [
            StreamEvent("opened", session.id, engine="queues"),
            StreamEvent("epoch", session.id),
            StreamEvent("server", "a"),
            StreamEvent("server", "a"),
            StreamEvent("server", "a"),
            StreamEvent("closed", session.id),
        ]


async def test_streaming_first_and_listing_second_misses_no_session(database: Database) -> None:
    async with repositories(database) as store:
        made: list[SessionId] = []
        some = asyncio.Event()

        async def create() -> None:
            for _ in range(150):
                id_ = SessionId(new_id())
                await store.sessions.create(id_, CreateSession(), store.soon())
                made.append(id_)
                if len(made) == 20:
                    some.set()

        async with asyncio.TaskGroup() as group:
            creating = group.create_task(create())
            await some.wait()
            async with watch(store.database, wait_ms=200) as stream:
                known = set(await store.sessions.open_ids())
                async with asyncio.timeout(30):
                    while not creating.done() or len(known) < len(made):
                        fact = await stream.next()
                        if fact is not None:
                            known.add(SessionId(fact.id))
        assert known == set(made)
