"""Event ports: events go to one exchange, and whoever wants them binds a queue of its own."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from callplane.contracts.events import CloudEvent

PREFETCH = 200


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event as it came: its id, its routing key, and its JSON, which a newer version may have written."""

    id: str
    routing_key: str
    body: bytes


Take = Callable[[Sequence[ReceivedEvent]], Awaitable[None]]
"""Is given what has come, in order; what it returns from is acknowledged, and given again where it raises."""


class EventBus(Protocol):
    """The exchange ``events``, and the durable queues behind it."""

    async def publish(self, events: Sequence[CloudEvent]) -> None:
        """Publish in order; back when all are confirmed. Raises Unavailable: some may have been taken."""
        ...

    async def depth(self, queue: str) -> int:
        """How many events wait in a queue that somebody has declared. Raises Unavailable and Trouble."""
        ...

    def consuming(
        self, queue: str, take: Take, *, keys: Sequence[str] = ("#",), single: bool = False
    ) -> AbstractAsyncContextManager[None]:
        """Declare the queue, bind it for these routing keys, and consume it for as long as the block runs.

        Several may consume one queue: each event goes to one of them, and again to another where it was not
        acknowledged. ``take`` is called with one batch at a time, of up to ``PREFETCH``. ``single``: one of the
        consumers is given events, another when that ends, so that all of them together keep the order.
        """
        ...
