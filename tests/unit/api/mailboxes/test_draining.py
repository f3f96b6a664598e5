"""A pod that is about to stop lets no poll of its own outlive its answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from callplane.bus.mailbox_ports import MailboxLink, OnPodMessage
from callplane.bus.memory.mailboxes import MemoryMailboxes
from testkit.inprocess.mailboxes import memory_scene, outcome, pod_on, texts_of
from testkit.servers.machine_time import within
from testkit.servers.servers import Database


class SlowPost:
    """A bus whose on_message wait, in order, while ``held`` is not set."""

    def __init__(self, mailboxes: MemoryMailboxes) -> None:
        self._mailboxes = mailboxes
        self.held = asyncio.Event()
        self.held.set()

    @asynccontextmanager
    async def connect(self, on_message: OnPodMessage) -> AsyncIterator[MailboxLink]:
        """A link whose on_message can be held up."""
        async with self._mailboxes.connect(on_message) as link:
            post = link.post

            async def slow(queue: str, letter: bytes) -> None:
                await self.held.wait()
                await post(queue, letter)

            link.post = slow  # type: ignore[method-assign]
            yield link


async def test_a_forwarded_poll_is_answered_by_its_holder_first(database: Database) -> None:
    """Else the client, told to go on, could be at the holder before its former poll is done, and lose its place."""
    async with memory_scene(database) as scene:
        assert isinstance(scene.bus, MemoryMailboxes)
        bus = SlowPost(scene.bus)
        async with scene.pod() as holder, pod_on(bus, scene.database) as leaving, asyncio.TaskGroup() as tasks:
            ann = await scene.seat("ann")
            await holder.poll(ann, wait=0)
            former = tasks.create_task(leaving.poll(ann, wait=20))
            await holder.until_parked(ann)
            bus.held.clear()
            draining = tasks.create_task(leaving.poll_router.drain())
            await asyncio.sleep(0.2)
            assert not former.done()
            bus.held.set()
            async with within(1):
                await draining
                assert texts_of(await former) == []
            later = tasks.create_task(holder.poll(ann, wait=5))
            await holder.until_parked(ann)
            await scene.publisher.to(ann, "1")
            assert texts_of(await later) == ["1"]


async def test_a_holder_that_says_nothing_holds_up_no_drain(database: Database) -> None:
    """After a second the poll is answered all the same, and later ones are told to come again."""
    async with memory_scene(database) as scene:
        assert isinstance(scene.bus, MemoryMailboxes)
        bus = SlowPost(scene.bus)
        async with scene.pod() as holder, pod_on(bus, scene.database) as leaving, asyncio.TaskGroup() as tasks:
            ann = await scene.seat("ann")
            await holder.poll(ann, wait=0)
            former = tasks.create_task(leaving.poll(ann, wait=20))
            await holder.until_parked(ann)
            bus.held.clear()
            async with within(2):
                await leaving.poll_router.drain()
                assert texts_of(await former) == []
            assert await outcome(leaving.poll(ann)) == "unavailable"
            bus.held.set()
