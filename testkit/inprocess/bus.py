"""For tests of the bus: either bus as a corner of its own, commands to send, and handlers that do as they are told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import aio_pika
from pydantic import BaseModel

from callplane.bus.consuming.delivery import RawDelivery
from callplane.bus.consuming.worker_pool import ConsumerLimits
from callplane.bus.hint_ports import HintBus
from callplane.bus.mailbox_ports import MailboxBus
from callplane.bus.memory import MemoryBroker, MemoryBus
from callplane.bus.names import session_name, shard_of
from callplane.bus.ports import Bus, Delivery, Listener, Work
from callplane.bus.rabbitmq import RabbitBus, RabbitSettings, open_bus
from callplane.bus.rabbitmq.arguments import ATTEMPT_HEADER
from callplane.bus.rabbitmq.hints import RabbitHints
from callplane.bus.rabbitmq.mailboxes import RabbitMailboxes
from callplane.bus.stream_ports import StreamBounds
from callplane.contracts.command_queues import CommandQueues
from callplane.contracts.commands import Caller, CreateSession, Envelope, UpdateSession
from callplane.contracts.ids import CommandId, SessionId, new_id
from callplane.contracts.messages import Message
from callplane.contracts.registry import AnyCommand
from testkit.inprocess.shards import with_shards
from testkit.servers.servers import Vhost

FAST = ConsumerLimits(health_interval=0.05, drain_limit=0.5)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


PUBLISHED: CommandQueues = "per-session"
"""Where commands are published; a suite may say otherwise."""


def session() -> SessionId:
    """A new session's id."""
    return SessionId(new_id())


def command(session_id: SessionId, body: AnyCommand | None = None) -> Envelope:
    """A command to a session, ``update-session`` if nothing else is said."""
    return Envelope(
        id=new_id(),
        session_id=session_id,
        caller=Caller(kind="key"),
        deadline=datetime.now(UTC),
        traceparent=TRACE,
        commands=PUBLISHED,
        body=body or UpdateSession(changes={}),
    )


def queue_of_commands(session_id: SessionId) -> str:
    """Where commands of the session are published."""
    return shard_of(session_id) if PUBLISHED == "sharded" else session_name(session_id)


def creation() -> Envelope:
    """A command for whichever wrapper is free."""
    return command(session(), CreateSession())


def message(text: str, session_id: SessionId) -> Message:
    """A message that is known by its id."""
    return Message(id=text, type="signal", session_id=session_id, at=datetime.now(UTC), data={})


class Answer(BaseModel):
    """What a told handler answers: who it was, and at which attempt."""

    wrapper: str
    attempt: int


Act = Callable[[Delivery], Any]


@dataclass
class ScriptedHandler:
    """A wrapper's handler: raises or returns what the test has told it, in turn, then answers."""

    name: str = "one"
    outcomes: list[BaseException | BaseModel] = field(default_factory=list)
    act: Act | None = None
    well: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0
    deliveries: list[Delivery] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    abandoned: list[str] = field(default_factory=list)
    abandon_fails: BaseException | None = None
    cancelled: asyncio.Queue[SessionId] = field(default_factory=asyncio.Queue)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def work(self) -> Work:
        """What the listener is given."""
        return Work(self._handle, self._abandon, self._healthy, self.cancelled.put)

    @property
    def attempts(self) -> list[int]:
        """The attempt of each delivery."""
        return [delivery.attempt for delivery in self.deliveries]

    @property
    def commands(self) -> list[str]:
        """The command of each delivery."""
        return [delivery.envelope.id for delivery in self.deliveries]

    async def until(self, count: int) -> None:
        """Wait for so many deliveries."""
        async with asyncio.timeout(15):
            while len(self.deliveries) < count:
                self._changed.clear()
                await self._changed.wait()

    async def _handle(self, delivery: Delivery) -> BaseModel:
        self.deliveries.append(delivery)
        self.times.append(asyncio.get_running_loop().time())
        self._changed.set()
        if self.outcomes:
            outcome = self.outcomes.pop(0)
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome
        if self.act is not None:
            await self.act(delivery)
        return Answer(wrapper=self.name, attempt=delivery.attempt)

    async def _abandon(self, envelope: Envelope) -> None:
        self.abandoned.append(envelope.id)
        if self.abandon_fails is not None:
            raise self.abandon_fails

    async def _healthy(self) -> bool:
        self.asked += 1
        await asyncio.sleep(0.01)
        return self.well.is_set()


@dataclass(frozen=True)
class DeadLetter:
    """A dead letter as an operator finds it."""

    command_id: CommandId
    reason: str
    attempt: int
    queue: str
    body: bytes


class Corner(Protocol):
    """A broker of the test's own."""

    mailboxes: MailboxBus
    hints: HintBus

    def bus(self, limits: ConsumerLimits = FAST) -> AbstractAsyncContextManager[Bus]:
        """One process's part in it."""
        ...

    async def put(self, queue: str, body: bytes, reply_to: str | None = None, attempt: int = 1) -> CommandId:
        """Publish anything to a command queue; the command's id."""
        ...

    async def dead(self, count: int = 1) -> list[DeadLetter]:
        """Wait for so many dead letters, and take them."""
        ...


class MemoryCorner:
    """The in-process bus; every part shares one exchange."""

    def __init__(self, *, shards: bool = False) -> None:
        self.broker = MemoryBroker()
        self._shards = shards
        self.mailboxes = self.broker.mailboxes
        self.hints = self.broker.hints

    @asynccontextmanager
    async def bus(self, limits: ConsumerLimits = FAST) -> AsyncIterator[Bus]:
        """One user of the exchange."""
        bus = MemoryBus(self.broker, limits, shards=self._shards)
        yield with_shards(bus) if self._shards else bus

    async def put(self, queue: str, body: bytes, reply_to: str | None = None, attempt: int = 1) -> CommandId:
        """Publish anything."""
        command_id = CommandId(new_id())
        self.broker.publish(RawDelivery(body, queue, command_id, attempt, False, reply_to, None, None))
        return command_id

    async def dead(self, count: int = 1) -> list[DeadLetter]:
        """The dead letters."""
        async with asyncio.timeout(15):
            while len(self.broker.dead_letters) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return [
            DeadLetter(one.received.command_id, one.reason, one.received.attempt, one.received.queue, one.received.body)
            for one in self.broker.dead_letters
        ]


class RabbitCorner:
    """A virtual host on a real broker."""

    def __init__(self, url: str, *, shards: bool = False, stream: StreamBounds | None = None) -> None:
        self.url = url
        self._stream = stream
        self._shards = shards
        self.mailboxes = RabbitMailboxes(url)
        self.hints = RabbitHints(url, "test")

    @asynccontextmanager
    async def bus(self, limits: ConsumerLimits = FAST) -> AsyncIterator[RabbitBus]:
        """Two connections of a process."""
        settings = RabbitSettings(self.url, limits=limits, shards=self._shards, stream=self._stream)
        async with open_bus(settings) as bus:
            await bus.wait_up(10)
            yield with_shards(bus) if self._shards else bus

    async def put(self, queue: str, body: bytes, reply_to: str | None = None, attempt: int = 1) -> CommandId:
        """Publish anything."""
        command_id = CommandId(new_id())
        async with await aio_pika.connect(self.url) as connection:
            channel = await connection.channel(on_return_raises=True)
            note = aio_pika.Message(
                body,
                message_id=command_id,
                correlation_id=command_id,
                reply_to=reply_to,
                headers={ATTEMPT_HEADER: attempt} if attempt > 1 else {},
            )
            await channel.default_exchange.publish(note, queue, timeout=5)
        return command_id

    async def dead(self, count: int = 1) -> list[DeadLetter]:
        """The dead letters."""
        found: list[DeadLetter] = []
        async with asyncio.timeout(15), await aio_pika.connect(self.url) as connection:
            queue = await (await connection.channel()).get_queue("dead-letters", ensure=False)
            while len(found) < count:
                letter = await queue.get(fail=False, no_ack=True)
                if letter is None:
                    await asyncio.sleep(0.02)
                else:
                    found.append(_dead(letter))
        return found


def _dead(letter: aio_pika.abc.AbstractIncomingMessage) -> DeadLetter:
    headers = letter.headers
    assert datetime.fromisoformat(str(headers["failed-at"])).tzinfo is not None
    attempt = headers["attempt"]
    assert isinstance(attempt, int)
    return DeadLetter(
        CommandId(letter.message_id or ""), str(headers["reason"]), attempt, str(headers["queue"]), letter.body
    )


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what has no event of its own: the state of a broker, or of a connection."""
    async with asyncio.timeout(15):
        while not await holds():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def is_listening_to(listener: Listener, count: int) -> bool:
    """Whether so many sessions are consumed now."""
    return len(listener.listening()) == count


async def equal(counting: Awaitable[dict[str, int]], queue: str, count: int) -> bool:
    return (await counting).get(queue) == count


async def channel_pids(vhost: Vhost) -> set[str]:
    """The broker's channels in this virtual host."""
    rows = await vhost.node.shell.ask(
        "[list_to_binary(pid_to_list(P)) || [{pid, P}, {vhost, V}] <- rabbit_channel:info_all([pid, vhost]),"
        f' V =:= <<"{vhost.name}">>]'
    )
    return set(rows)
