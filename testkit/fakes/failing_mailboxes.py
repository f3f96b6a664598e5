"""In-process mailboxes that fail as RabbitMQ's do when the node of a queue goes down."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from callplane.bus.mailbox_ports import PREFETCH, MailboxLink, OnPodMessage, Reader
from callplane.bus.memory.mailboxes import MemoryMailboxes
from callplane.contracts.errors import NodeDown
from callplane.contracts.ids import ParticipantId


class FailingMailboxes:
    """In-process mailboxes of which some are on a node that is down."""

    def __init__(self, mailboxes: MemoryMailboxes) -> None:
        self._mailboxes = mailboxes
        self.down: set[ParticipantId] = set()
        self._readers: dict[ParticipantId, tuple[MailboxLink, Reader]] = {}

    def fail(self, participant: ParticipantId) -> None:
        """Its node goes down: who reads it is cancelled."""
        self.down.add(participant)
        if participant in self._readers:
            link, reader = self._readers.pop(participant)
            self._mailboxes.cancel(participant, link)
            reader.cancelled()

    @asynccontextmanager
    async def connect(self, on_message: OnPodMessage) -> AsyncIterator[MailboxLink]:
        """A link that hears what RabbitMQ says of a queue on such a node."""
        async with self._mailboxes.connect(on_message) as link:
            depth, consume = link.depth, link.consume

            async def looked(participant: ParticipantId) -> int | None:
                if participant in self.down:
                    raise NodeDown("down")
                return await depth(participant)

            async def consumed(participant: ParticipantId, reader: Reader, most: int = PREFETCH) -> None:
                self._readers[participant] = link, reader
                await consume(participant, reader, most)

            link.depth, link.consume = looked, consumed  # type: ignore[method-assign, assignment]
            yield link
