"""Readers of mailboxes on either bus, which acknowledge nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from callplane.bus.mailbox_ports import Publication as Given
from callplane.contracts.ids import ParticipantId
from testkit.inprocess.bus import Corner


class Reading:
    """Reads one mailbox and acknowledges nothing."""

    def __init__(self) -> None:
        self._given: asyncio.Queue[str] = asyncio.Queue()

    def receive(self, received: Given) -> None:
        """One more."""
        self._given.put_nowait(json.loads(received.body)["id"])

    def cancelled(self) -> None:
        """No more."""

    async def ids(self, count: int) -> list[str]:
        """The ids of the next so many messages, in order."""
        async with asyncio.timeout(10):
            return [await self._given.get() for _ in range(count)]


@asynccontextmanager
async def reading(corner: Corner, *participants: ParticipantId) -> AsyncIterator[list[Reading]]:
    """Readers of these mailboxes."""
    readers = [Reading() for _ in participants]
    async with corner.mailboxes.connect(lambda _: None) as link:
        for participant, reader in zip(participants, readers, strict=True):
            await link.consume(participant, reader)
        yield readers
