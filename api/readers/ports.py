"""Reader ports: what a door asks for the messages of a seat, a poll or a subscription; one adapter an engine."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from api.mailboxes.timing import Timing
from api.mailboxes.unacked import Batch
from callplane.bus.mailbox_ports import Publication
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.store.attachments import Attachment


@dataclass(frozen=True, slots=True)
class Question:
    """One poll: it acknowledges everything up to ``ack`` and waits so many seconds for what follows."""

    session_id: SessionId
    participant_id: ParticipantId
    ack: str | None = None
    wait: float = 0.0
    most: int = 100


@dataclass(frozen=True, slots=True)
class Shared:
    """What came to a session in one turn of the loop: the same object for all readers that are given the same."""

    bodies: tuple[bytes, ...]
    """The JSON text of each message, in order."""
    tokens: tuple[str, ...]
    """The token of each; but for the readers' places in the logs of their own seats, see ``Push.token``."""
    memo: dict[str, bytes] = field(default_factory=dict)
    """For doors: what they made of the bodies, by the name of the encoding, so that it is made once for all readers."""


@dataclass(frozen=True, slots=True)
class Push:
    """What a sink is given: shared bodies, and the suffix that makes their tokens this reader's own."""

    shared: Shared
    suffix: str

    def token(self, number: int = -1) -> str:
        """What acknowledges everything up to that body; by default the last."""
        return self.shared.tokens[number] + self.suffix

    def batch(self) -> Batch:
        """The same as an answer to a poll, for who does not care what it costs."""
        bodies = enumerate(self.shared.bodies)
        return Batch(tuple(Publication(self.token(number), body) for number, body in bodies))


Sink = Callable[[Push], bool]
"""Takes what came, without waiting; False when it does not, as its client is behind: it is as if nothing had come."""


class Subscription(Protocol):
    """Where the client of an open stream is. Not for two tasks at a time, ``acknowledge`` and ``close`` apart."""

    async def next(self, wait: float) -> Batch:
        """What follows, waited for so long; empty ones are the heartbeat. Raises Refusal and Unavailable."""
        ...

    async def push(self, sink: Sink, wait: float) -> bool:
        """Have the sink given what comes, until it takes something no more, or nothing has come for so long.

        For a client that is at the head: what comes costs no task, future or timer of its own. Back with False at
        once where something waits that ``next`` gives, or the engine pushes nothing; with True for a heartbeat.
        Raises Refusal and Unavailable, as ``next`` does, once the sink was given all that comes before that.
        """
        ...

    def acknowledge(self, token: str) -> None:
        """The client has everything up to this one; a token that it was not given is ignored."""
        ...

    async def acknowledged(self, within: float) -> bool:
        """Wait for an acknowledgement; False when none has come in time."""
        ...

    @property
    def is_full(self) -> bool:
        """Whether it has been given all that it may have unacknowledged."""
        ...

    @property
    def has_unread(self) -> bool:
        """Whether an acknowledgement is to go with a ``next`` soon."""
        ...

    def is_unread(self, since: float) -> bool:
        """Whether the stream is to end, for the oldest that is not acknowledged was given so many seconds ago."""
        ...

    def close(self) -> None:
        """The stream is over: its client has left, or is told to come again."""
        ...


class Readers(Protocol):
    """Serves whoever reads the messages of a seat, on any pod."""

    @property
    def timing(self) -> Timing:
        """The delays of this pod."""
        ...

    async def require_seat(self, participant_id: ParticipantId) -> Attachment:
        """Its attachment. Raises Refusal when the seat is gone, and Unavailable."""
        ...

    async def poll(self, question: Question) -> Batch:
        """Wait for messages; cancelling says that the client has left. Raises Refusal and Unavailable."""
        ...

    async def subscribe(self, seat: tuple[SessionId, ParticipantId], ack: str | None) -> Subscription:
        """A stream that goes on behind ``ack``; close it. Raises Refusal and Unavailable."""
        ...
