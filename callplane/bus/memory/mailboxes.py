"""In-process mailboxes: the same promises as RabbitMQ's, kept by lists."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from callplane.bus.mailbox_ports import PREFETCH, LinkLost, MailboxLink, OnPodMessage, Publication, Reader
from callplane.bus.ports import Unroutable
from callplane.contracts.bounds import MAILBOX_LENGTH
from callplane.contracts.ids import ParticipantId, SessionId, new_id
from callplane.contracts.messages import Message


@dataclass(slots=True, eq=False)
class _Consumer:
    link: "MemoryLink"
    reader: Reader
    most: int
    reads: bool = True
    unacknowledged: dict[str, Publication] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Queue:
    """A mailbox: what waits in it, and its consumers, of whom the first receives."""

    session_id: SessionId
    ready: deque[Publication] = field(default_factory=lambda: deque(maxlen=MAILBOX_LENGTH))
    consumers: list[_Consumer] = field(default_factory=list)
    delivering: bool = False

    def deliver(self) -> None:
        """Hand on what waits, as far as the prefetch allows; a reader may acknowledge while it receives."""
        if self.delivering:
            return
        self.delivering = True
        try:
            while self.ready and (consumer := next((one for one in self.consumers if one.reads), None)):
                if len(consumer.unacknowledged) >= consumer.most:
                    break
                received = self.ready.popleft()
                consumer.unacknowledged[received.token] = received
                consumer.reader.receive(received)
        finally:
            self.delivering = False

    def leave(self, link: "MemoryLink") -> None:
        """Give back in order what this link did not acknowledge, and go on with the next consumer."""
        leaving = [one for one in self.consumers if one.link is link]
        self.consumers = [one for one in self.consumers if one.link is not link]
        self.put_back([received for one in leaving for received in one.unacknowledged.values()])
        self.deliver()

    def put_back(self, received: list[Publication]) -> None:
        """Before everything that waits; as from RabbitMQ's, the oldest goes where there is no room."""
        self.ready = deque([*received, *self.ready], maxlen=MAILBOX_LENGTH)

    def forget(self, link: "MemoryLink", tokens: set[str]) -> list[Publication]:
        """These are this link's no more; returns them in order."""
        mine = [one for one in self.consumers if one.link is link]
        gone = [one.unacknowledged.pop(token) for one in mine for token in list(one.unacknowledged) if token in tokens]
        self.consumers = [one for one in self.consumers if one.reads or one.unacknowledged]
        return gone


class MemoryMailboxes:
    """Every mailbox of this process, with its binding to its session; and a ``MailboxBus``."""

    def __init__(self) -> None:
        self._queues: dict[ParticipantId, _Queue] = {}
        self._links: dict[str, MemoryLink] = {}

    def open(self, session_id: SessionId, participant_id: ParticipantId) -> None:
        """Make the mailbox and bind it; harmless when repeated."""
        self._queues.setdefault(participant_id, _Queue(session_id))

    def delete(self, participant_id: ParticipantId) -> None:
        """Delete the mailbox with whatever it holds; harmless when repeated."""
        queue = self._queues.pop(participant_id, None)
        for consumer in queue.consumers if queue else ():
            if consumer.reads:  # RabbitMQ tells nobody else
                consumer.reader.cancelled()

    def cancel(self, participant_id: ParticipantId, link: MailboxLink) -> None:
        """Take the mailbox away from a link that reads it, as a broker does whose node goes down."""
        if isinstance(link, MemoryLink):
            self._queues[participant_id].leave(link)

    def put(self, participant_id: ParticipantId, message: Message) -> bool:
        """Put one message into one mailbox; False when it does not exist."""
        queue = self._queues.get(participant_id)
        if queue is None:
            return False
        _put(queue, message)
        return True

    def put_to_all(self, session_id: SessionId, message: Message) -> bool:
        """Put one message into every mailbox of the session; False when there is none."""
        queues = [one for one in self._queues.values() if one.session_id == session_id]
        for queue in queues:
            _put(queue, message)
        return bool(queues)

    @asynccontextmanager
    async def connect(self, on_message: OnPodMessage) -> AsyncIterator["MemoryLink"]:
        """A link to this process's own mailboxes."""
        link = MemoryLink(self._queues, self._links, on_message)
        self._links[link.queue] = link
        try:
            yield link
        finally:
            link.end("closed")


def _put(queue: _Queue, message: Message) -> None:
    token = new_id()
    queue.ready.append(Publication(token, message.model_dump_json().encode(), token))
    queue.deliver()


class MemoryLink:
    """One user of the in-process mailboxes."""

    def __init__(
        self, queues: dict[ParticipantId, _Queue], links: dict[str, "MemoryLink"], on_message: OnPodMessage
    ) -> None:
        self._queues = queues
        self._links = links
        self._on_message = on_message
        self.queue = f"pod.{new_id()}"
        self.ended = asyncio.Event()

    def end(self, why: str) -> None:
        """Give everything up."""
        if not self.ended.is_set():
            self.ended.set()
            self._links.pop(self.queue, None)
            for queue in self._queues.values():
                queue.leave(self)

    async def depth(self, participant_id: ParticipantId) -> int | None:
        """How many messages wait in the mailbox; None when it does not exist."""
        self._check()
        queue = self._queues.get(participant_id)
        return None if queue is None else len(queue.ready)

    async def restore(self, session_id: SessionId, participant_id: ParticipantId) -> None:
        """Make the mailbox again."""
        self._check()
        self._queues.setdefault(participant_id, _Queue(session_id))

    async def consume(self, participant_id: ParticipantId, reader: Reader, most: int = PREFETCH) -> None:
        """Read the mailbox, or stand in line for it."""
        self._check()
        queue = self._queues.get(participant_id)
        if queue is None:
            self.end("consumed a mailbox that does not exist")
            raise LinkLost
        queue.consumers.append(_Consumer(self, reader, most))
        queue.deliver()

    async def leave(self, reader: Reader) -> None:
        """Read no more for this one."""
        self._check()
        for queue in self._queues.values():
            for consumer in queue.consumers:
                if consumer.link is self and consumer.reader is reader:
                    consumer.reads = False

    async def give_back(self, received: Iterable[Publication]) -> None:
        """Put these back in front, in order."""
        self._check()
        tokens = {one.token for one in received}
        for queue in self._queues.values():
            queue.put_back(queue.forget(self, tokens))
            queue.deliver()

    def acknowledge(self, received: Iterable[Publication]) -> None:
        """Forget these, and let the next ones come."""
        tokens = {one.token for one in received}
        for queue in self._queues.values():
            queue.forget(self, tokens)
            queue.deliver()

    async def post(self, queue: str, message: bytes) -> None:
        """Hand a message to another link of this process."""
        self._check()
        other = self._links.get(queue)
        if other is None:
            raise Unroutable(queue)
        asyncio.get_running_loop().call_soon(other.receive, message)

    def receive(self, message: bytes) -> None:
        """Receive a message."""
        if not self.ended.is_set():
            self._on_message(message)

    def _check(self) -> None:
        if self.ended.is_set():
            raise LinkLost
