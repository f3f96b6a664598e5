"""Bus ports: commands to wrappers, messages to participants, declaring and deleting. Both buses keep their promises.

Mailboxes have a file of their own, ``callplane/bus/mailbox_ports.py``.
"""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import BaseModel

from callplane.bus.dead_letters import DeadLetters
from callplane.bus.event_ports import EventBus
from callplane.bus.hint_ports import HintBus
from callplane.bus.stream_ports import EventStream
from callplane.contracts.commands import Envelope
from callplane.contracts.engines import Engine
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.messages import Message
from callplane.contracts.replies import Reply
from callplane.telemetry.commands import CommandWatch


class Unroutable(Exception):
    """Nobody has declared the queue: the caller looks in the store for the reason (design 3.2)."""


class NotTaken(Unroutable):
    """A queue is declared and did not take it, though others may have: its node is down."""


TakenBy = Literal["all", "some", "none"]
"""Which of a session's mailboxes have taken what was published, as far as the broker says."""


class Sender(Protocol):
    """The API's side of commands: publish, confirm, and wait for the reply."""

    async def send(self, envelope: Envelope, *, wait: float) -> Reply | None:
        """Publish to the queue of its session (``create``: to ``wrapper``) and wait ``wait`` seconds for the reply.

        None: accepted, but nobody answered in time. Raises Unroutable, or Unavailable when the broker did not confirm.
        """
        ...

    async def post(self, envelope: Envelope) -> None:
        """Publish without asking for a reply; back as soon as the broker has confirmed. Raises as ``send``."""
        ...


class Messenger(Protocol):
    """Publishing messages: to everybody in a session, or to one mailbox. Confirmed, in the order of the calls."""

    async def to_session(self, session_id: SessionId, messages: list[Message]) -> TakenBy:
        """Publish in order to every mailbox of the session.

        Back when all are confirmed. ``some``: the node of one of them is down; RabbitMQ 3.10 does not say so, and says
        ``none`` where it is so for all, or there is no mailbox. Raises Unavailable when the broker cannot be reached
        or does not confirm.
        """
        ...

    async def to_participant(self, participant_id: ParticipantId, *messages: Message) -> bool:
        """Publish to one mailbox, in order and at once, messages of one session; False when it does not exist (any
        more).

        Raises Unavailable, also when its node is down: some may have been taken.
        """
        ...


class Topology(Protocol):
    """Declaring and deleting; every call is idempotent with constant arguments.

    All raise Unavailable, Trouble for what another has deleted meanwhile, and NodeDown for a queue whose node is down.
    """

    async def open_session(self, session_id: SessionId) -> None:
        """Declare the session's command queue and its fanout exchange, and bind that to ``messages``."""
        ...

    async def open_commands(self, session_id: SessionId) -> None:
        """Declare the command queue alone, of a session whose messages go by a log."""
        ...

    async def delete_session(self, session_id: SessionId) -> None:
        """Delete the command queue and the fanout exchange, if there is one."""
        ...

    async def open_mailbox(self, session_id: SessionId, participant_id: ParticipantId) -> None:
        """Declare ``user.{participant_id}`` and bind it to the session's exchange."""
        ...

    async def delete_mailbox(self, participant_id: ParticipantId) -> None:
        """Delete ``user.{participant_id}`` with whatever it holds."""
        ...

    async def depths(self) -> dict[str, int]:
        """How much waits in each queue that is always there: ``wrapper``, ``retry`` and ``dead-letters``."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """One command handed to a handler: ``attempt`` counts from 1, ``last`` says that a failure is final.

    ``shared``: it came by a queue of many sessions, which who cannot do it goes on consuming: it is passed on.
    """

    envelope: Envelope
    attempt: int
    last: bool
    shared: bool = False


Handler = Callable[[Delivery], Awaitable[BaseModel]]
"""Answers with a result, or raises: Refusal (a reply), Busy or Trouble (again in 1 s), Elsewhere (others have it at
once), Unavailable (pause if ill), a bug.
"""

Abandon = Callable[[Envelope], Awaitable[None]]
"""Called before a command is buried: releases what its attempts had begun."""

Finished = Callable[[Envelope], Awaitable[BaseModel | None]]
"""Asked of a command whose last attempt was cut off: its result, should it have lost nothing but its ack."""


async def unfinished(_envelope: Envelope) -> None:
    """No command is known to have been carried out."""


StillOpen = Callable[[], Awaitable[bool]]
"""Whether a session is open now."""


async def always() -> bool:
    """Yes."""
    return True


class Listener(Protocol):
    """The wrapper's side of commands: consumes, hands to the handler, replies, and decides on ack, retry or burial."""

    async def listen(self, session_id: SessionId, still: StillOpen = always, engine: Engine = "queues") -> bool:
        """Declare the session's queue, and what its engine needs besides, and consume it; harmless when repeated.

        ``still`` is asked in between: False leaves the queue unconsumed, and is returned. A queue is deleted a while
        after its session was closed (design 5): not yet when this says True, and later with what was declared here.
        """
        ...

    async def listen_all(self, session_ids: Iterable[SessionId]) -> None:
        """Consume the queues of those of them that exist; one that does not is not ``wanted`` afterwards.

        Back when each was asked for; at once while consuming is paused. Raises Unavailable when that does not get on.
        """
        ...

    async def unlisten(self, session_id: SessionId) -> None:
        """Stop consuming the session's queue; harmless when repeated."""
        ...

    def expect_deletion(self, session_id: SessionId) -> None:
        """The session is over: its queue is consumed until it is deleted, and ``on_cancelled`` is not called then."""
        ...

    async def listen_shared(self) -> None:
        """Consume the shards, declared where this wrapper is told to; and whatever there is that others were told of.

        Harmless when repeated. Raises Unavailable; what was asked for by then is consumed as soon as that can be.
        """
        ...

    def shards(self) -> int:
        """How many shards are consumed now: all, or none where there are none."""
        ...

    async def reach(self, server: str) -> None:
        """Take what is passed on to those who reach this media server, where shards are declared. Never raises."""
        ...

    async def unreach(self, server: str) -> None:
        """Take nothing more of that; harmless when repeated."""
        ...

    def listening(self) -> frozenset[SessionId]:
        """The sessions whose queues are consumed now."""
        ...

    def wanted(self) -> frozenset[SessionId]:
        """Those, and the ones that will be as soon as the wrapper is healthy and the broker is there: none is lost."""
        ...

    async def drain(self) -> None:
        """Start nothing more, finish what runs, give back the rest uncounted; bounded, harmless when repeated."""
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """What a wrapper hands to its listener.

    ``healthy`` is asked after an Unavailable: where it says no, nothing is consumed until it says yes.
    ``on_cancelled`` is called when a session's queue is gone: it reads the status and listens again where the session
    is open. ``watch`` is told what becomes of each command.
    """

    handler: Handler
    abandon: Abandon
    healthy: Callable[[], Awaitable[bool]]
    on_cancelled: Callable[[SessionId], Awaitable[None]]
    watch: CommandWatch = field(default_factory=CommandWatch)
    finished: Finished = unfinished


class Bus(Protocol):
    """One process's part in the bus. The API uses sender and messenger, the wrapper topology, messenger, listener."""

    @property
    def messenger(self) -> Messenger:
        """Publishes messages to sessions and participants."""
        ...

    @property
    def topology(self) -> Topology:
        """Declares and deletes queues and exchanges."""
        ...

    @property
    def hints(self) -> HintBus:
        """Sends and receives hints of what was appended to logs."""
        ...

    @property
    def events(self) -> EventBus:
        """Publishes and consumes what happened."""
        ...

    @property
    def stream(self) -> EventStream:
        """Reads what has happened, from any place."""
        ...

    @property
    def dead_letters(self) -> DeadLetters:
        """Lists, replays and removes what was given up."""
        ...

    def up(self) -> bool:
        """Whether the broker is connected now."""
        ...

    async def wait_up(self, within: float) -> None:
        """Back once the broker is connected; raises Unavailable after ``within`` seconds."""
        ...

    def sender(self) -> AbstractAsyncContextManager[Sender]:
        """Open the API's side of commands."""
        ...

    def listener(self, work: Work) -> AbstractAsyncContextManager[Listener]:
        """Open the wrapper's side of commands: consumes ``wrapper`` from the start, drains when closed."""
        ...
