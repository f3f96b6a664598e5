"""For tests of mailboxes: a publisher for either bus, readers that remember, and pods in this process."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import aiormq
import pytest
from pamqp import commands as spec

from api.mailboxes.mailbox import Mailbox
from api.mailboxes.pod import LinkSession, MailboxServices
from api.mailboxes.poll import Poll
from api.mailboxes.poll_router import PollRouter, open_mailboxes
from api.mailboxes.timing import Timing
from api.mailboxes.unacked import Batch
from callplane.bus.mailbox_ports import MailboxBus, Publication
from callplane.bus.memory.mailboxes import MemoryMailboxes
from callplane.bus.rabbitmq.arguments import MAILBOX_ARGUMENTS
from callplane.bus.rabbitmq.mailboxes import RabbitMailboxes
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import ParticipantId, SessionId, new_id
from callplane.contracts.messages import Message
from callplane.store.attachments import Attachment, Attachments
from callplane.store.leases import PodLeases
from callplane.store.mongo.database import Database, DatabaseClock, open_database
from callplane.store.sessions import Sessions
from testkit.servers.servers import Database as Corner
from testkit.servers.servers import Servers

S = SessionId("s")


def message(text: str, session: SessionId = S) -> Message:
    """A message that is known by its id."""
    return Message(id=text, type="signal", session_id=session, at=datetime.now(UTC), data={})


class Publisher(Protocol):
    """What tests need of either bus beside links."""

    async def open(self, participant: ParticipantId, session: SessionId = S) -> None: ...
    async def delete(self, participant: ParticipantId) -> None: ...
    async def to(self, participant: ParticipantId, *texts: str) -> None: ...
    async def to_all(self, *texts: str, session: SessionId = S) -> None: ...
    async def waiting(self, participant: ParticipantId) -> int | None: ...


class MemoryPublisher:
    """Publishes to the in-process mailboxes."""

    def __init__(self, mailboxes: MemoryMailboxes) -> None:
        self._mailboxes = mailboxes

    async def open(self, participant: ParticipantId, session: SessionId = S) -> None:
        """Make a mailbox."""
        self._mailboxes.open(session, participant)

    async def delete(self, participant: ParticipantId) -> None:
        """Delete a mailbox."""
        self._mailboxes.delete(participant)

    async def to(self, participant: ParticipantId, *texts: str) -> None:
        """Publish to one."""
        for text in texts:
            assert self._mailboxes.put(participant, message(text))

    async def to_all(self, *texts: str, session: SessionId = S) -> None:
        """Publish to everybody."""
        for text in texts:
            self._mailboxes.put_to_all(session, message(text, session))

    async def waiting(self, participant: ParticipantId) -> int | None:
        """How many wait."""
        async with self._mailboxes.connect(lambda _: None) as link:
            return await link.depth(participant)


class RabbitPublisher:
    """Publishes to RabbitMQ, with a new AMQP message id for each publication."""

    def __init__(self, channel: aiormq.Channel) -> None:
        self._channel = channel

    async def open(self, participant: ParticipantId, session: SessionId = S) -> None:
        """Declare and bind as design 4 says."""
        await self._channel.exchange_declare(f"session.{session}", exchange_type="fanout", durable=True)
        await self._channel.queue_declare(f"user.{participant}", durable=True, arguments=MAILBOX_ARGUMENTS)
        await self._channel.queue_bind(f"user.{participant}", f"session.{session}")

    async def delete(self, participant: ParticipantId) -> None:
        """Delete the queue."""
        await self._channel.queue_delete(f"user.{participant}")

    async def to(self, participant: ParticipantId, *texts: str) -> None:
        """Publish to one."""
        await asyncio.gather(*[self._publish("", f"user.{participant}", message(text)) for text in texts])

    async def to_all(self, *texts: str, session: SessionId = S) -> None:
        """Publish to everybody."""
        await asyncio.gather(*[self._publish(f"session.{session}", "", message(text, session)) for text in texts])

    async def waiting(self, participant: ParticipantId) -> int | None:
        """How many wait, those that somebody has unacknowledged not counted."""
        return (await self._channel.queue_declare(f"user.{participant}", passive=True)).message_count

    async def _publish(self, exchange: str, key: str, one: Message) -> None:
        properties = spec.Basic.Properties(delivery_mode=2, message_id=new_id())
        await self._channel.basic_publish(
            one.model_dump_json().encode(), exchange=exchange, routing_key=key, properties=properties, mandatory=True
        )


@asynccontextmanager
async def rabbit_publisher(url: str) -> AsyncIterator[RabbitPublisher]:
    """A publisher with a connection of its own."""
    async with aiormq.connect(url) as connection:
        channel = await connection.channel()
        assert isinstance(channel, aiormq.Channel)
        yield RabbitPublisher(channel)


class RememberingReader:
    """Remembers what it was given, and can be waited for."""

    def __init__(self) -> None:
        self.given: list[Publication] = []
        self.over = asyncio.Event()
        self._changed = asyncio.Event()

    def receive(self, received: Publication) -> None:
        """One more."""
        self.given.append(received)
        self._changed.set()

    def cancelled(self) -> None:
        """No more."""
        self.over.set()

    @property
    def texts(self) -> list[str]:
        """The ids of the messages, in order."""
        return [json.loads(one.body)["id"] for one in self.given]

    async def until(self, count: int) -> list[str]:
        """Wait for so many."""
        async with asyncio.timeout(10):
            while len(self.given) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.texts


def texts_of(batch: Batch) -> list[str]:
    """The ids of the messages of a batch, in order."""
    return [one["id"] for one in json.loads(batch.json())["messages"]]


def types_of(batch: Batch) -> list[str]:
    """The types of the messages of a batch, in order."""
    return [one["type"] for one in json.loads(batch.json())["messages"]]


async def outcome(polling: Awaitable[Batch]) -> str:
    """The code and reason of the refusal that a poll ends with."""
    with pytest.raises(Refusal) as refused:
        await polling
    problem = refused.value.problem
    return f"{problem.code} {problem.reason}" if problem.reason else problem.code


FAST = Timing(beat=0.1, roll=0.1, away=0.5, lease=30.0, unnamed=0.5, reconnect=0.05)
"""With a lease that no machine stands still for."""


class TestPod:
    """A pod in this process: its own link, its own lease, on a shared database."""

    __test__ = False

    def __init__(self, poll_router: PollRouter) -> None:
        self.poll_router = poll_router

    @property
    def link_session(self) -> LinkSession:
        """What is on its present link."""
        found = self.poll_router.pod.link_session
        assert found is not None
        return found

    def mailbox(self, participant: ParticipantId) -> Mailbox:
        """One that it holds."""
        found = self.link_session.holder.find(participant)
        assert found is not None
        return found

    def new_poll(self, participant: ParticipantId, ack: str | None = None, wait: float = 5.0, most: int = 100) -> Poll:
        """A poll that comes in now."""
        return self.poll_router.new_poll((S, participant), ack, wait, most)

    async def poll(
        self, participant: ParticipantId, ack: str | None = None, wait: float = 5.0, most: int = 100
    ) -> Batch:
        """One poll."""
        return await self.poll_router.poll(self.new_poll(participant, ack, wait, most))

    async def until_parked(self, *participants: ParticipantId) -> None:
        """Wait until a poll waits at each of these mailboxes, which this pod holds; whichever pod it came in at."""
        async with asyncio.timeout(10):
            while any(self.mailbox(one).parked is None for one in participants):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def read(self, participant: ParticipantId, count: int) -> list[str]:
        """Poll and acknowledge until so many messages have come."""
        texts: list[str] = []
        ack = None
        while len(texts) < count:
            batch = await self.poll(participant, ack)
            texts += texts_of(batch)
            ack = batch.ack
        await self.poll(participant, ack, wait=0)
        return texts


@asynccontextmanager
async def pod_on(bus: MailboxBus, database: Database, timing: Timing = FAST) -> AsyncIterator[TestPod]:
    """A pod on any bus."""
    clock = DatabaseClock(database)
    published = Sessions(database, clock).published
    services = MailboxServices(bus, Attachments(database), PodLeases(database), clock, timing, published)
    async with open_mailboxes(services) as poll_router:
        yield TestPod(poll_router)


@asynccontextmanager
async def rabbit_pod(url: str, database: Database, timing: Timing = FAST) -> AsyncIterator[TestPod]:
    """A pod on RabbitMQ."""
    async with pod_on(RabbitMailboxes(url), database, timing) as pod:
        yield pod


@dataclass
class Scene:
    """A database, a bus, a publisher, and pods that come and go."""

    database: Database
    bus: MailboxBus
    publisher: Publisher
    attachments: Attachments

    def pod(self, timing: Timing = FAST) -> AbstractAsyncContextManager[TestPod]:
        """One more pod."""
        return pod_on(self.bus, self.database, timing)

    async def seat(self, name: str) -> ParticipantId:
        """A participant with a mailbox and an attachment."""
        participant = ParticipantId(name)
        await self.publisher.open(participant)
        await self.attachments.open(S, participant)
        return participant

    async def attachment(self, participant: ParticipantId) -> Attachment:
        """Its attachment now."""
        found = await self.attachments.read(participant)
        assert found is not None
        return found

    async def until_state(self, participant: ParticipantId, state: str) -> Attachment:
        """Wait until its attachment says so."""
        return await self._until(participant, lambda found: found.state == state)

    async def until_n(self, participant: ParticipantId, n: int) -> Attachment:
        """Wait until it has had so many holders."""
        return await self._until(participant, lambda found: found.n >= n)

    async def _until(self, participant: ParticipantId, wanted: Callable[[Attachment], bool]) -> Attachment:
        async with asyncio.timeout(10):
            while not wanted(found := await self.attachment(participant)):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return found


@asynccontextmanager
async def memory_scene(corner: Corner) -> AsyncIterator[Scene]:
    """Pods on the in-process bus."""
    mailboxes = MemoryMailboxes()
    async with open_database(corner.url, corner.name) as database:
        yield Scene(database, mailboxes, MemoryPublisher(mailboxes), Attachments(database))


@asynccontextmanager
async def rabbit_scene(servers: Servers) -> AsyncIterator[Scene]:
    """Pods on RabbitMQ."""
    url, corner = servers.vhost.url, servers.database
    async with open_database(corner.url, corner.name) as database, rabbit_publisher(url) as publisher:
        yield Scene(database, RabbitMailboxes(url), publisher, Attachments(database))
