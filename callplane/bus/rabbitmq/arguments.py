"""Queue arguments and permanent names, the same for ever: another argument on an old name is a 406.

Only what RabbitMQ 3.10 to 4.3 all accept: durable classic queues, nothing auto-deleted, nothing transient and shared.
"""

from typing import Any

from callplane.bus.names import RETRY_DELAY, WRAPPER
from callplane.contracts.bounds import MAILBOX_LENGTH

MESSAGES = "messages"
"""Direct exchange, permanent: publishers name it and never a session's own exchange, which may be deleted."""

RETRY = "retry"
"""Fanout exchange and the queue behind it: what waits here goes back under its own routing key."""

DEAD_LETTERS = "dead-letters"
"""The queue of commands that were given up."""

EVENTS = "events"
"""Topic exchange, permanent: what happened, under ``tenant.type``; whoever wants it binds a queue (design 13)."""

ATTEMPT_HEADER = "attempt"
TRACE_HEADER = "traceparent"

# Said explicitly: a virtual host may have another default queue type.
CLASSIC: dict[str, Any] = {"x-queue-type": "classic"}

# One queue per delay: with a time to live per message a long one would block the shorter behind it. Without
# x-dead-letter-routing-key a message keeps its own key, which is the name of the queue that it came from.
RETRY_ARGUMENTS: dict[str, Any] = {
    **CLASSIC,
    "x-message-ttl": int(RETRY_DELAY * 1000),
    "x-dead-letter-exchange": "",
}

DEAD_LETTER_ARGUMENTS: dict[str, Any] = {**CLASSIC, "x-max-length": 10_000}

MAILBOX_ARGUMENTS: dict[str, Any] = {
    **CLASSIC,
    "x-single-active-consumer": True,
    "x-expires": 3_600_000,
    "x-max-length": MAILBOX_LENGTH,
}

QUEUES: dict[str, dict[str, Any]] = {
    WRAPPER: CLASSIC,
    RETRY: RETRY_ARGUMENTS,
    DEAD_LETTERS: DEAD_LETTER_ARGUMENTS,
}
"""The three permanent queues with their arguments; none needs another."""

REPLICATED = (WRAPPER, RETRY)
QUORUM: dict[str, Any] = {"x-queue-type": "quorum"}
"""What becomes of two of them where the broker has three nodes and operators say so.

Not of the dead letters: whoever lists them puts them back, which RabbitMQ 4 lets a quorum queue have done 20 times; and
while they are out of reach a letter waits elsewhere. A queue that is there as a classic one stays one: 406 for whoever
declares it otherwise, who uses it as it is until an operator has deleted it.
"""
