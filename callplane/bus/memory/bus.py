"""In-process bus: the same ports and promises as RabbitMQ's, for as long as the process lives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from callplane.bus.consuming.delivery import RawDelivery
from callplane.bus.consuming.worker_pool import ConsumerLimits
from callplane.bus.dead_letters import DeadLetters
from callplane.bus.event_ports import EventBus
from callplane.bus.hint_ports import HintBus
from callplane.bus.memory.broker import MemoryBroker
from callplane.bus.memory.dead_letters import MemoryDeadLetters
from callplane.bus.memory.listener import open_listener
from callplane.bus.names import mailbox_name, queues_of, session_name
from callplane.bus.pending_replies import PendingReplies
from callplane.bus.ports import Listener, Messenger, Sender, TakenBy, Topology, Work
from callplane.bus.stream_ports import EventStream
from callplane.contracts.commands import Envelope
from callplane.contracts.errors import Trouble
from callplane.contracts.ids import ParticipantId, SessionId, new_id
from callplane.contracts.messages import Message
from callplane.contracts.replies import Reply
from callplane.telemetry.commands import publishing


class MemorySender:
    """The Sender port."""

    def __init__(self, broker: MemoryBroker, address: str) -> None:
        self._broker = broker
        self._address = address
        self._pending = PendingReplies()

    async def send(self, envelope: Envelope, *, wait: float) -> Reply | None:
        """Put the command into its queue and wait for the reply; None: nobody answered in time."""
        end = asyncio.get_running_loop().time() + wait
        with self._pending.waiter(envelope.id) as pending:
            self._publish(envelope, self._address)
            await pending.wait_until(end)
            return pending.reply

    async def post(self, envelope: Envelope) -> None:
        """Put the command into its queue without asking for a reply."""
        self._publish(envelope, None)

    def answered(self, body: bytes) -> None:
        """A reply came in."""
        self._pending.answered(body)

    def _publish(self, envelope: Envelope, reply_to: str | None) -> None:
        with publishing(envelope) as carried:
            # The first that there is; where there is none, the last says so.
            queues = queues_of(carried)
            queue = next((one for one in queues if self._broker.exists(one)), queues[-1])
            received = RawDelivery(
                body=carried.model_dump_json().encode(),
                queue=queue,
                command_id=carried.id,
                attempt=1,
                redelivered=False,
                reply_to=reply_to,
                traceparent=carried.traceparent,
                handle=None,
            )
            self._broker.publish(received)


class MemoryMessenger:
    """The Messenger port."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def to_session(self, session_id: SessionId, messages: list[Message]) -> TakenBy:
        """Put the messages in order into every mailbox of the session."""
        if not self._broker.exists(session_name(session_id)):
            return "none"
        there = [self._broker.mailboxes.put_to_all(session_id, message) for message in messages]
        return "all" if all(there) else "none"

    async def to_participant(self, participant_id: ParticipantId, *messages: Message) -> bool:
        """Put messages into one mailbox; False when it does not exist (any more)."""
        return all([self._broker.mailboxes.put(participant_id, message) for message in messages])


class MemoryTopology:
    """The Topology port."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def open_session(self, session_id: SessionId) -> None:
        """Make the session's command queue."""
        self._broker.declare(session_name(session_id))

    async def open_commands(self, session_id: SessionId) -> None:
        """Make the session's command queue."""
        self._broker.declare(session_name(session_id))

    async def delete_session(self, session_id: SessionId) -> None:
        """Delete the session's command queue, and what binds mailboxes to the session."""
        self._broker.delete(session_name(session_id))

    async def open_mailbox(self, session_id: SessionId, participant_id: ParticipantId) -> None:
        """Make the mailbox and bind it to the session."""
        if not self._broker.exists(session_name(session_id)):
            raise Trouble(f"{session_name(session_id)} is gone, {mailbox_name(participant_id)} cannot be bound")
        self._broker.mailboxes.open(session_id, participant_id)

    async def delete_mailbox(self, participant_id: ParticipantId) -> None:
        """Delete the mailbox with whatever it holds."""
        self._broker.mailboxes.delete(participant_id)

    async def depths(self) -> dict[str, int]:
        """How much waits in each queue that is always there."""
        return self._broker.depths()


class MemoryBus:
    """The Bus port on a broker that others may share."""

    def __init__(self, broker: MemoryBroker, limits: ConsumerLimits, *, shards: bool = False) -> None:
        self.broker = broker
        self._limits, self._shards = limits, shards
        self._messenger = MemoryMessenger(broker)
        self._topology = MemoryTopology(broker)
        self._dead_letters = MemoryDeadLetters(broker)

    @property
    def messenger(self) -> Messenger:
        """Puts messages into mailboxes."""
        return self._messenger

    @property
    def topology(self) -> Topology:
        """Makes and deletes queues and mailboxes."""
        return self._topology

    @property
    def hints(self) -> HintBus:
        """Sends and receives hints."""
        return self.broker.hints

    @property
    def events(self) -> EventBus:
        """Publishes and consumes what happened."""
        return self.broker.events

    @property
    def stream(self) -> EventStream:
        """Reads what has happened."""
        return self.broker.events.stream

    @property
    def dead_letters(self) -> DeadLetters:
        """Lists, replays and removes what was given up."""
        return self._dead_letters

    def up(self) -> bool:
        """Always: there is nothing to lose a connection to."""
        return True

    async def wait_up(self, within: float) -> None:
        """Back at once."""

    @asynccontextmanager
    async def sender(self) -> AsyncIterator[Sender]:
        """Open the API's side of commands."""
        address = f"replies.{new_id()}"
        sender = MemorySender(self.broker, address)
        self.broker.answer_to(address, sender.answered)
        try:
            yield sender
        finally:
            self.broker.forget(address)

    def listener(self, work: Work) -> AbstractAsyncContextManager[Listener]:
        """Open the wrapper's side of commands."""
        return open_listener(work, self.broker, self._limits, shards=self._shards)


@asynccontextmanager
async def open_bus(limits: ConsumerLimits | None = None, *, shards: bool = False) -> AsyncIterator[MemoryBus]:
    """A bus for the block; API and wrapper of one process share it. Its mailboxes: ``bus.broker.mailboxes``.

    ``shards``: whether its listeners declare shards.
    """
    broker = MemoryBroker()
    try:
        yield MemoryBus(broker, limits or ConsumerLimits(), shards=shards)
    finally:
        broker.close()
