"""Delivery and settlement: what a bus hands to the outcome policy, and what that may have the bus do with it."""

from dataclasses import dataclass
from typing import Any, Protocol

from callplane.contracts.ids import CommandId
from callplane.contracts.replies import Answer

ATTEMPTS = 5
"""How often a command is tried; the failure of the last is final (design 3.4)."""


@dataclass(frozen=True, slots=True)
class RawDelivery:
    """One delivery as the broker gave it; ``handle`` is the bus's own, to acknowledge it by."""

    body: bytes
    queue: str
    command_id: CommandId
    attempt: int
    redelivered: bool
    reply_to: str | None
    traceparent: str | None
    handle: Any
    reason: str | None = None
    """Why it is to become a dead letter, which was decided before, and could not be done: they were out of reach."""


class Settlement(Protocol):
    """What can happen to a delivery; each is confirmed before the next, or given up with it.

    A bus that loses its connection in between returns silently: the broker redelivers what was not acknowledged.
    """

    async def reply(self, received: RawDelivery, reply: Answer) -> None:
        """Answer the caller, if it asked for an answer and is still there."""
        ...

    async def republish(self, received: RawDelivery, attempt: int, *, later: bool) -> None:
        """Publish the command once more under the given count: now, or after the retry delay."""
        ...

    async def pass_on(self, received: RawDelivery, server: str) -> None:
        """Put the command, under the same count, where those take it who reach that media server.

        Who takes it from there in time has it as if from its own queue; else it goes back there.
        """
        ...

    async def dead_letter(self, received: RawDelivery, reason: str) -> None:
        """Put the command among the dead letters, saying why; out of reach, it waits in its queue to be buried."""
        ...

    async def ack(self, received: RawDelivery) -> None:
        """Tell the broker that the delivery is settled."""
        ...

    async def requeue(self, received: RawDelivery) -> None:
        """Have the broker deliver it again, marked as redelivered; the last resort where nothing else was possible."""
        ...

    def is_lost(self, received: RawDelivery) -> bool:
        """Whether the broker has taken the delivery back: what it was is or will be delivered again."""
        ...
