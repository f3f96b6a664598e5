"""Queue arguments and permanent names, the same for ever: another argument on an old name is a 406.

Only what RabbitMQ 3.10 to 4.3 all accept: durable classic queues, nothing auto-deleted, nothing transient and shared.
"""

from typing import Any

from callplane.bus.names import RETRY_DELAY, SHARDS, TIMELINE, WEBHOOKS, WRAPPER, server_of, twin_of
from callplane.bus.stream_ports import StreamBounds
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

# Of more that nobody takes the oldest go: a program that is down for days, or was tried and given up, must not fill the
# broker's disk, which stops every publisher.
EVENTS_ARGUMENTS: dict[str, Any] = {**CLASSIC, "x-max-length": 1_000_000}

STREAM_NODES = 3
"""So many nodes have a copy of the stream, or as many as there are: said, for without it one that is down when the
stream is declared may count among them in place of one that is up.
"""

SEGMENT_BYTES = 64 * 1024 * 1024
"""What is too old goes a segment at a time, and only when a new one begins; RabbitMQ's own are 500 MB."""


def stream_arguments(bounds: StreamBounds) -> dict[str, Any]:
    """Of the stream; once it is declared they stay as they were, whatever is said later."""
    return {
        "x-queue-type": "stream",
        "x-max-age": f"{bounds.days}D",
        "x-max-length-bytes": bounds.gigabytes * 1_000_000_000,
        "x-stream-max-segment-size-bytes": SEGMENT_BYTES,
        "x-initial-cluster-size": STREAM_NODES,
    }


MAILBOX_ARGUMENTS: dict[str, Any] = {
    **CLASSIC,
    "x-single-active-consumer": True,
    "x-expires": 3_600_000,
    "x-max-length": MAILBOX_LENGTH,
}

FIXED = (WRAPPER, RETRY, DEAD_LETTERS)
"""Those that are always there; each has a twin that is replicated, which is used instead where operators say so."""

SERVERS = "media-servers"
"""Headers exchange before the queues of media servers: who publishes there keeps the routing key for the way back."""

SERVER_HEADER = "media-server"

# What nobody takes goes back under its own key, the queue that it came from: the media server may be elsewhere by then.
SERVER_ARGUMENTS: dict[str, Any] = {
    **CLASSIC,
    "x-message-ttl": int(RETRY_DELAY * 1000),
    "x-dead-letter-exchange": "",
    "x-expires": 3_600_000,
}

DELIVERIES = 20
"""How often a replicated queue hands out one message without an ack (RabbitMQ 4 has that limit if nothing is said).

Each redelivery is published anew and counted by us (design 3.4), so only wrappers that die before they can do even that
come near it; what does is kept as a dead letter.
"""

_QUORUM: dict[str, Any] = {"x-queue-type": "quorum", "x-delivery-limit": DELIVERIES}
_COMMANDS_TWIN: dict[str, Any] = {
    **_QUORUM,
    "x-dead-letter-exchange": "",
    "x-dead-letter-routing-key": twin_of(DEAD_LETTERS),
}
# Whoever lists the letters puts them back, which counts as a delivery: as often as anybody will.
_LETTERS_TWIN: dict[str, Any] = {**_QUORUM, "x-delivery-limit": 1_000_000, "x-max-length": 10_000}
_RETRY_TWIN: dict[str, Any] = {**_QUORUM, "x-message-ttl": int(RETRY_DELAY * 1000), "x-dead-letter-exchange": ""}

_BY_NAME: dict[str, dict[str, Any]] = {
    RETRY: RETRY_ARGUMENTS,
    DEAD_LETTERS: DEAD_LETTER_ARGUMENTS,
    TIMELINE: EVENTS_ARGUMENTS,
    WEBHOOKS: EVENTS_ARGUMENTS,
    twin_of(RETRY): _RETRY_TWIN,
    twin_of(DEAD_LETTERS): _LETTERS_TWIN,
    **dict.fromkeys(map(twin_of, (WRAPPER, *SHARDS)), _COMMANDS_TWIN),
}


def arguments_of(queue: str) -> dict[str, Any]:
    """The arguments of a queue that sessions share; never others for the same name."""
    return SERVER_ARGUMENTS if server_of(queue) is not None else _BY_NAME.get(queue, CLASSIC)
