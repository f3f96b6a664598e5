"""A mailbox that counts as read, without a pod."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from callplane.contracts.ids import ParticipantId
from testkit.inprocess.repositories import Repositories
from testkit.servers.until import until


@asynccontextmanager
async def read_for(store: Repositories, participant: ParticipantId) -> AsyncIterator[None]:
    """A living pod holds this mailbox for the block; after it nobody does, which sweeps find."""

    async def live() -> None:
        while True:
            await store.pods.renew("pod", "a-pod")
            await asyncio.sleep(0.05)

    async def hold() -> None:
        """As a pod does that had stood still for longer than its lease: what a sweep has detached is read again."""
        while True:
            seen = await store.attachments.read(ParticipantId(participant))
            if seen is not None and seen.state == "detached":
                await store.attachments.take(seen, "a-pod")
            await asyncio.sleep(0.05)

    async def held() -> bool:
        return bool(await store.pods.holders())

    async with asyncio.TaskGroup() as group:
        living = group.create_task(live())
        await until(held)
        attachment = await store.attachments.read(ParticipantId(participant))
        assert attachment is not None
        assert await store.attachments.take(attachment, "a-pod") is not None
        holding = group.create_task(hold())
        yield
        living.cancel()
        holding.cancel()
