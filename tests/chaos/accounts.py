"""A history sorted by session: who did what in it, who read it, and what was told under each version."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from testkit.clients.history import Absence, Command, Delivery, History, Reader

MENDED_WITHIN = 15.0
"""What RabbitMQ has forgotten when two sides of a partition become one is made again after the next look at it."""


@dataclass
class Account:
    """Everything about one session."""

    session: str
    commands: list[Command] = field(default_factory=list)
    readers: list[Reader] = field(default_factory=list)
    deliveries: dict[str, list[Delivery]] = field(default_factory=dict)
    versions: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    absences: list[Absence] = field(default_factory=list)
    epoch: float = 0.0

    def of(self, *ops: str) -> list[Command]:
        """The commands with these names."""
        return [command for command in self.commands if command.op in ops]

    def events(self, type_: str) -> list[dict[str, Any]]:
        """Each state event of a type once, by its version."""
        return [told[0] for _, told in sorted(self.versions.items()) if told[0]["type"] == type_]

    def first(self, reader: Reader) -> list[Delivery]:
        """What was delivered to a reader, repeats left out."""
        known: set[str] = set()
        fresh = []
        for delivery in self.deliveries.get(reader.participant, []):
            if delivery.message["id"] not in known:
                known.add(delivery.message["id"])
                fresh.append(delivery)
        return fresh

    def away(self, participant: str, since: float, until: float) -> bool:
        """Whether the RabbitMQ node of a mailbox was out of reach within this time: what was sent then may be gone."""
        return self.out_of_reach(f"user.{participant}", since, until)

    def out_of_reach(self, queue: str, since: float, until: float) -> bool:
        """Whether the RabbitMQ node of a queue was, within this time."""
        return any(
            absence.began < until and since < absence.ended + (MENDED_WITHIN if absence.queues is None else 0.0)
            for absence in self.absences
            if absence.queues is None or queue in absence.queues
        )

    def made(self, delivery: Delivery) -> float:
        """When a message was made, on the clock of the history: it may be read much later."""
        said = delivery.message.get("at")
        return delivery.at if said is None else datetime.fromisoformat(said).timestamp() - self.epoch

    def witnessed(self, since: float) -> bool:
        """Whether somebody who sat there before ``since`` read up to the close: then every event since was heard."""
        return any(
            reader.ended == "closed"
            and reader.began < since
            and not self.away(reader.participant, since, reader.finished)
            for reader in self.readers
        )


def accounts(history: History) -> dict[str, Account]:
    """One account per session that anybody got an id of."""
    found: dict[str, Account] = {}
    for command in history.commands:
        if command.session is not None:
            found.setdefault(command.session, Account(command.session)).commands.append(command)
    for reader in history.readers:
        found.setdefault(reader.session, Account(reader.session)).readers.append(reader)
    for delivery in history.deliveries:
        account = found.setdefault(delivery.message["session_id"], Account(delivery.message["session_id"]))
        account.deliveries.setdefault(delivery.reader, []).append(delivery)
        if delivery.message["version"] is not None:
            account.versions.setdefault(delivery.message["version"], []).append(delivery.message)
    for account in found.values():
        account.absences, account.epoch = history.absences, history.epoch
    return found
