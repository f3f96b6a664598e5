"""Mailbox ports: what an API pod asks of the bus, a link that consumes mailboxes and carries messages between pods.

Everything hangs on one ``MailboxLink``: its end, and nothing finer, gives every unacknowledged message back in order
(design 4), so whoever holds something from a link that has ended holds nothing.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from callplane.contracts.ids import ParticipantId, SessionId

PREFETCH = 500
"""What one reader is given without having acknowledged any of it."""


class LinkLost(Exception):
    """The link has ended; another has to be made, and it starts with nothing."""


@dataclass(frozen=True, slots=True)
class Publication:
    """One publication in a mailbox: ``token`` is its own and never used twice, ``body`` the JSON text of a Message.

    ``tag`` is what the link acknowledges it by; None for one that no link brought.
    """

    token: str
    body: bytes
    tag: Any = None


class Reader(Protocol):
    """Whoever reads one mailbox. Both are called in order, from the event loop, and never wait."""

    def receive(self, received: Publication) -> None:
        """The next publication, in order; it stays unacknowledged until ``MailboxLink.acknowledge``."""
        ...

    def cancelled(self) -> None:
        """The broker took the mailbox away, most likely because it was deleted; nothing more will come."""
        ...


class MailboxLink(Protocol):
    """One pod's connection for mailboxes, with the pod's own queue for other pods' messages on it."""

    @property
    def queue(self) -> str:
        """The name of the pod's own queue; it dies with this link and is never used again."""
        ...

    @property
    def ended(self) -> asyncio.Event:
        """Set when the connection is over, by whatever cause."""
        ...

    def end(self, why: str) -> None:
        """Give everything up; ``ended`` is set at once, the connection closes soon after."""
        ...

    async def depth(self, participant_id: ParticipantId) -> int | None:
        """How many messages wait in the mailbox; None when it does not exist.

        Raises NodeDown, LinkLost, Unavailable.
        """
        ...

    async def restore(self, session_id: SessionId, participant_id: ParticipantId) -> None:
        """Make again, where they are missing, the mailbox, its session's exchange and what binds the one to the other.

        Not the session's command queue, which only wrappers make. Raises NodeDown, LinkLost, and Unavailable.
        """
        ...

    async def consume(self, participant_id: ParticipantId, reader: Reader, most: int = PREFETCH) -> None:
        """Read the mailbox until the link ends or the mailbox is deleted; one link at a time receives.

        At most so many unacknowledged at a time, those of an earlier reading not counted. Ask ``depth`` first: to
        consume what does not exist ends the link. Raises LinkLost.
        """
        ...

    async def leave(self, reader: Reader) -> None:
        """Read no more; what it has received stays unacknowledged. After this nothing comes. Raises LinkLost."""
        ...

    async def give_back(self, received: Iterable[Publication]) -> None:
        """Have these given again, in their places, to whoever reads the mailbox next. Raises LinkLost."""
        ...

    def acknowledge(self, received: Iterable[Publication]) -> None:
        """Say that these need not be given again; never waits."""
        ...

    async def post(self, queue: str, message: bytes) -> None:
        """Send a message to another pod's queue; those of one link arrive in order.

        Raises Unroutable when that queue is gone, and with it everything its pod held; LinkLost when nothing can
        be published any more.
        """
        ...


OnPodMessage = Callable[[bytes], None]
"""Receives the messages of other pods, in order, and never waits."""


class MailboxBus(Protocol):
    """Makes links."""

    def connect(self, on_message: OnPodMessage) -> AbstractAsyncContextManager[MailboxLink]:
        """A new link, ended by leaving the context.

        Raises Unavailable when the broker cannot be reached or published to.
        """
        ...
