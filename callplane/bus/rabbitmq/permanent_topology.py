"""Permanent topology: two exchanges and three queues, each declared by itself; none needs another."""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any

from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq import Channel
from aiormq.exceptions import ChannelPreconditionFailed

from callplane.bus.names import WRAPPER
from callplane.bus.rabbitmq.arguments import (
    CLASSIC,
    DEAD_LETTER_ARGUMENTS,
    DEAD_LETTERS,
    MESSAGES,
    RETRY,
    RETRY_ARGUMENTS,
)
from callplane.bus.rabbitmq.connection import AmqpConnection, raw_channel
from callplane.bus.rabbitmq.errors import as_missing, as_unavailable
from callplane.concurrency import for_each
from callplane.contracts.errors import Trouble, Unavailable
from callplane.telemetry.logs import logger

log = logger("bus")

QUEUES: dict[str, dict[str, Any]] = {
    WRAPPER: CLASSIC,
    RETRY: RETRY_ARGUMENTS,
    DEAD_LETTERS: DEAD_LETTER_ARGUMENTS,
}
"""The three queues with their arguments."""

REPLICATED = (WRAPPER, RETRY)
QUORUM: dict[str, Any] = {"x-queue-type": "quorum"}
"""What becomes of two of them where the broker has three nodes and operators say so.

Not of the dead letters: whoever lists them puts them back, which RabbitMQ 4 lets a quorum queue have done 20 times; and
while they are out of reach a letter waits elsewhere. A queue that is there as a classic one stays one: 406 for whoever
declares it otherwise, who uses it as it is until an operator has deleted it.
"""


async def declare_permanent(channel: Channel, connection: AmqpConnection) -> None:
    """Have everything that is there for ever: the exchanges on this channel, the queues once for its connection.

    Exchanges are on every node, and a channel ends when it names one that is gone. A queue may be on a node that is
    down, which is an outage of that queue only: what else the channel is for goes on.
    """
    await declare_exchanges(channel, connection.timings.call)
    await connection.prepare_once(lambda: _declare_queues(connection))


async def declare_exchanges(channel: Channel, timeout: float) -> None:
    """Declare both; only the last call waits, for the broker works through a channel in order."""
    await channel.exchange_declare(MESSAGES, exchange_type="direct", durable=True, nowait=True)
    await channel.exchange_declare(RETRY, exchange_type="fanout", durable=True, timeout=timeout)


async def declare_queue(channel: Channel, queue: str, connection: AmqpConnection) -> None:
    """Declare one of the three; ``retry`` is bound to its exchange."""
    timeout = connection.timings.call
    arguments = QUEUES[queue] | (QUORUM if connection.quorum and queue in REPLICATED else {})
    await channel.queue_declare(queue, durable=True, arguments=arguments, timeout=timeout)
    if queue == RETRY:
        await channel.queue_bind(RETRY, RETRY, timeout=timeout)


async def _declare_queues(connection: AmqpConnection) -> None:
    await for_each(partial(_declare_if_possible, connection), QUEUES)


async def _declare_if_possible(connection: AmqpConnection, queue: str) -> None:
    """On a channel of its own: an error closes it. One that is down, or has other arguments, is used as it is."""
    channel: AbstractChannel | None = None
    raw: Channel | None = None
    within = connection.timings.confirm / 2  # whoever publishes waits for this
    try:
        with as_unavailable(f"declaring {queue}"):
            async with asyncio.timeout(within), as_missing(f"declaring {queue}", lambda: raw):
                channel = await connection.channel(confirms=False)
                raw = await raw_channel(channel)
                await declare_queue(raw, queue, connection)
    except (Unavailable, Trouble, ChannelPreconditionFailed) as trouble:
        log.warning("a queue is not declared", queue=queue, why=str(trouble)[:200])
    finally:
        if channel is not None:
            with suppress(TimeoutError, *CONNECTION_EXCEPTIONS):
                async with asyncio.timeout(within):
                    await channel.close()
