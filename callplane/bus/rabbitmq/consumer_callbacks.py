"""Consumer callbacks: what the consumers of a channel tell their listener, and what they ask."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from callplane.bus.rabbitmq.content_channel import Delivered


@dataclass(frozen=True, slots=True)
class ConsumerCallbacks:
    """What a consumer channel tells, a delivery of a queue and a queue that is gone, and what it asks.

    ``exists`` is asked before one is consumed that was not just declared; ``all_exist`` asks for many at once. They
    raise NodeDown for one that is there and does not answer, and Unavailable.
    """

    on_delivery: Callable[[str, Delivered], None]
    on_deleted: Callable[[str], None]
    exists: Callable[[str], Awaitable[bool]]
    all_exist: Callable[[Sequence[str]], Awaitable[bool]]
