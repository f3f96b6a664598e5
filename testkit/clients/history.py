"""History: records what clients did and heard, with clocks, so that somebody who was not there can judge it."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Outcome = Literal["ok", "refused", "unknown"]


@dataclass
class Attempt:
    """One request of a command; ``status`` is None where no answer came."""

    asked: float
    answered: float | None = None
    status: int | None = None
    code: str | None = None

    @property
    def is_doubtful(self) -> bool:
        """Whether it may have been carried out though nobody said so."""
        return self.status is None or self.status >= 500


@dataclass
class Command:
    """One thing that a client wanted, with every request that it made for it."""

    n: int
    client: str
    op: str
    session: str | None
    what: dict[str, Any]
    attempts: list[Attempt] = field(default_factory=list)
    outcome: Outcome = "unknown"
    answer: dict[str, Any] = field(default_factory=dict)

    @property
    def asked(self) -> float:
        """When the first request was made."""
        return self.attempts[0].asked if self.attempts else 0.0

    @property
    def answered(self) -> float:
        """When the last answer came; for an unknown outcome, never."""
        last = self.attempts[-1].answered if self.attempts else None
        return float("inf") if last is None or self.outcome == "unknown" else last

    @property
    def status(self) -> int | None:
        """The last status."""
        return self.attempts[-1].status if self.attempts else None

    @property
    def code(self) -> str | None:
        """The last problem's code."""
        return self.attempts[-1].code if self.attempts else None

    @property
    def doubtful(self) -> bool:
        """Whether one of its requests may have been carried out though nobody said so."""
        return any(attempt.is_doubtful for attempt in self.attempts)


@dataclass
class Delivery:
    """One message as a poll brought it, repeats included."""

    reader: str
    at: float
    message: dict[str, Any]


@dataclass
class Reader:
    """One seat whose mailbox was read: from which snapshot on, and how the reading ended.

    ``ended`` is ``closed`` (read up to the session's end), ``left``, ``unfinished``, or the code of a refusal.
    """

    participant: str
    session: str
    join: str
    version: int
    began: float
    ended: str = "unfinished"
    reason: str = ""
    finished: float = float("inf")


@dataclass
class Absence:
    """A time in which the RabbitMQ node of these queues was out of reach; None stands for any queue."""

    began: float
    queues: list[str] | None
    ended: float = float("inf")


@dataclass
class History:
    """Everything that every client did and heard."""

    commands: list[Command] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    readers: list[Reader] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    """What a client met that it must never meet, beside the outcomes of its commands."""
    absences: list[Absence] = field(default_factory=list)
    tombstone_seconds: float = float("inf")
    """How long a closed session is remembered: a close that is repeated later than that finds nothing."""
    epoch: float = 0.0
    """What the clock of histories showed as 0, in seconds since 1970: messages name the time of their making so."""

    def begin(self, client: str, op: str, session: str | None, **what: Any) -> Command:
        """Write down that something is wanted."""
        command = Command(len(self.commands), client, op, session, what)
        self.commands.append(command)
        return command

    def save(self, path: Path) -> None:
        """Keep it as JSON."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> "History":
        """Read what ``save`` wrote."""
        told = json.loads(path.read_text())
        commands = [Command(**{**c, "attempts": [Attempt(**a) for a in c["attempts"]]}) for c in told["commands"]]
        deliveries = [Delivery(**d) for d in told["deliveries"]]
        absences = [Absence(**a) for a in told.get("absences", [])]
        readers, tombstones = [Reader(**r) for r in told["readers"]], told.get("tombstone_seconds", float("inf"))
        return cls(commands, deliveries, readers, told["strange"], absences, tombstones, told.get("epoch", 0.0))
