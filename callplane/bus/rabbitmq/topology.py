"""Topology: declares and deletes permanent queues, sessions' queues and exchanges, mailboxes; asks what is there."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq import Channel, spec
from aiormq.abc import ChannelFrame
from aiormq.exceptions import ChannelPreconditionFailed
from pamqp.common import FieldTable

from callplane.bus.names import EVENT_STREAM, TIMELINE, WRAPPER, mailbox_name, server_of, session_name, twin_of
from callplane.bus.rabbitmq.arguments import (
    CLASSIC,
    EVENTS,
    FIXED,
    MAILBOX_ARGUMENTS,
    MESSAGES,
    RETRY,
    SERVER_HEADER,
    SERVERS,
    arguments_of,
    stream_arguments,
)
from callplane.bus.rabbitmq.connection import AmqpConnection, answered, close_channel, raw_channel
from callplane.bus.rabbitmq.errors import as_missing, as_unavailable
from callplane.concurrency import for_each
from callplane.contracts.errors import NodeDown, Trouble, Unavailable
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.telemetry.logs import logger
from callplane.telemetry.stages import stage

log = logger("bus")

CHANNELS = 8
"""A channel has one call at a time under way: declaring is spread over a few."""


class RabbitTopology:
    """The Topology port on a pool of channels; a channel that an error has closed is opened anew."""

    def __init__(self, connection: AmqpConnection) -> None:
        self._connection = connection
        self._free: asyncio.LifoQueue[AbstractChannel | None] = asyncio.LifoQueue(CHANNELS)
        for _ in range(CHANNELS):
            self._free.put_nowait(None)
        self.drained: frozenset[str] = frozenset()
        """The fixed queues of the other setting that were last found; what waits there is counted with ours."""

    async def open_shared(self, queue: str) -> None:
        """Declare one that sessions share; one that somebody has declared otherwise meanwhile will do."""
        with suppress(ChannelPreconditionFailed):
            async with self._channel("declaring") as channel:
                await declare_queue(channel, queue, self._connection)

    async def open_all_shared(self, queues: Sequence[str]) -> None:
        """Declare these, for one round trip where the nodes of all are up; else each by itself. Raises Unavailable."""
        try:
            async with self._channel("declaring") as channel:
                for queue in queues:
                    await channel.queue_declare(queue, durable=True, arguments=arguments_of(queue), nowait=True)
                await answered(channel.basic_qos(prefetch_count=0), self._connection.timings.call)
        except (Trouble, ChannelPreconditionFailed):
            for queue in queues:
                with suppress(Trouble):
                    await self.open_shared(queue)

    async def open_session(self, session_id: SessionId) -> None:
        """Declare the session's command queue and its fanout exchange, and bind that to ``messages``."""
        name = session_name(session_id)
        async with self._channel("opening a session") as channel:
            # The queue last: it may be on a node that is down, and exchanges are on every node.
            await channel.exchange_declare(name, exchange_type="fanout", durable=True, nowait=True)
            await channel.exchange_declare(MESSAGES, exchange_type="direct", durable=True, nowait=True)
            await channel.exchange_bind(name, MESSAGES, session_id, nowait=True)
            await answered(channel.queue_declare(name, durable=True, arguments=CLASSIC), self._connection.timings.call)

    async def open_commands(self, session_id: SessionId) -> None:
        """Declare the command queue alone, of a session whose messages go by a log."""
        async with self._channel("opening a session's commands") as channel:
            declaring = channel.queue_declare(session_name(session_id), durable=True, arguments=CLASSIC)
            await answered(declaring, self._connection.timings.call)

    async def delete_session(self, session_id: SessionId) -> None:
        """Delete the command queue and the fanout exchange; gone already is fine."""
        name = session_name(session_id)
        async with self._channel("deleting a session") as channel:
            await channel.queue_delete(name, nowait=True)
            await answered(channel.exchange_delete(name), self._connection.timings.call)

    async def open_mailbox(self, session_id: SessionId, participant_id: ParticipantId) -> None:
        """Declare ``user.{participant_id}`` and bind it to the session's exchange."""
        name = mailbox_name(participant_id)
        async with self._channel("opening a mailbox") as channel:
            await channel.queue_declare(name, durable=True, arguments=MAILBOX_ARGUMENTS, nowait=True)
            # Its exchange is not declared here: a session that was deleted meanwhile would come back for ever.
            await answered(channel.queue_bind(name, session_name(session_id)), self._connection.timings.call)

    async def delete_mailbox(self, participant_id: ParticipantId) -> None:
        """Delete ``user.{participant_id}`` with whatever it holds; gone already is fine."""
        async with self._channel("deleting a mailbox") as channel:
            await answered(channel.queue_delete(mailbox_name(participant_id)), self._connection.timings.call)

    async def depths(self) -> dict[str, int]:
        """How much waits in each queue that is always there, but for those whose node is down; twins count as one."""
        found: dict[str, int] = {}
        for queue in FIXED:
            for name in {self._connection.named(queue)} | {self._connection.other(queue)} & self.drained:
                with suppress(Trouble):
                    async with self._channel("counting") as channel:
                        asking = channel.queue_declare(name, passive=True)
                        declared = await answered(asking, self._connection.timings.call)
                        found[queue] = found.get(queue, 0) + (declared.message_count or 0)
        return found

    async def queue_exists(self, queue: str) -> bool:
        """Whether a queue is there; the 404 that says no closes the channel, which is replaced.

        Raises NodeDown for one that is there, on a node that is down, or silent and not yet known to be down.
        """
        try:
            async with self._channel("looking for a queue") as channel:
                await answered(channel.queue_declare(queue, passive=True), self._connection.timings.confirm)
        except NodeDown:
            raise
        except Trouble:
            return False
        except Unavailable as silent:
            if not self._connection.up():
                raise
            raise NodeDown(str(silent)) from None
        return True

    async def all_exist(self, queues: Sequence[str]) -> bool:
        """Whether all of these are there, for one round trip; False: one of them is not, or its node is down.

        Raises NodeDown for one that is silent: it must be found before any is consumed, for a channel that waits for
        it keeps what its other consumers are given. Raises Unavailable.
        """
        try:
            async with self._channel("looking for queues") as channel:
                asking = channel.create_task(_declare_each(channel, queues))
                await answered(asking, self._connection.timings.confirm)
        except Trouble:
            return False
        except Unavailable as silent:
            if not self._connection.up():
                raise
            raise NodeDown(str(silent)) from None
        return True

    @asynccontextmanager
    async def _channel(self, doing: str) -> AsyncIterator[Channel]:
        channel: AbstractChannel | None = None
        raw: Channel | None = None
        with stage("broker"), as_unavailable(doing):
            async with asyncio.timeout(self._connection.timings.call):
                channel = await self._free.get()
            try:
                async with as_missing(doing, lambda: raw):
                    if channel is None or channel.is_closed:
                        channel = await self._connection.channel(confirms=False)
                        await declare_permanent(await raw_channel(channel), self._connection)
                    raw = await raw_channel(channel)
                    yield raw
            except BaseException:
                await close_channel(channel, self._connection.timings.close)
                raise
            finally:
                self._free.put_nowait(channel)


async def _declare_each(channel: Channel, queues: Sequence[str]) -> None:
    """Declare these passively in one frame, and wait for each answer, which comes from the queue's own process.

    The broker closes the channel at the first that is missing, and aiormq gives up its tasks with it.
    """
    asking = [spec.Queue.Declare(queue=queue, passive=True) for queue in queues]
    async with channel.lock:
        await channel.write_queue.put(ChannelFrame.marshall(channel_number=channel.number, frames=asking))
        for _ in queues:
            await channel.rpc_frames.get()
            channel.rpc_frames.task_done()


async def declare_permanent(channel: Channel, connection: AmqpConnection) -> None:
    """Have everything that is there for ever: the exchanges on this channel, the queues once for its connection.

    Not the twin of ``wrapper``, nor shards: who finds them may be sure that a wrapper consumes them.

    Exchanges are on every node, and a channel ends when it names one that is gone. A queue may be on a node that is
    down, which is an outage of that queue only: what else the channel is for goes on.
    """
    await declare_exchanges(channel, connection)
    await connection.prepare_once(lambda: _declare_queues(connection))


async def declare_exchanges(channel: Channel, connection: AmqpConnection) -> None:
    """Declare those that are named when something is published; the last call waits for all before it."""
    await channel.exchange_declare(MESSAGES, exchange_type="direct", durable=True, nowait=True)
    await channel.exchange_declare(EVENTS, exchange_type="topic", durable=True, nowait=True)
    await channel.exchange_declare(SERVERS, exchange_type="headers", durable=True, nowait=True)
    retry = channel.exchange_declare(connection.named(RETRY), exchange_type="fanout", durable=True)
    await answered(retry, connection.timings.call)


async def declare_queue(channel: Channel, queue: str, connection: AmqpConnection) -> None:
    """Declare one that sessions share, and bind it: ``retry`` to its exchange, a media server's to that of all of them,
    ``timeline`` and the stream to all events.
    """
    timeout = connection.timings.call
    arguments = (
        stream_arguments(connection.stream) if queue == EVENT_STREAM and connection.stream else arguments_of(queue)
    )
    await answered(channel.queue_declare(queue, durable=True, arguments=arguments), timeout)
    server = server_of(queue)
    if server is not None:
        which: FieldTable = {SERVER_HEADER: server}
        await answered(channel.queue_bind(queue, SERVERS, arguments=which), timeout)
    elif queue in (RETRY, twin_of(RETRY)):
        await answered(channel.queue_bind(queue, queue), timeout)
    elif queue in (TIMELINE, EVENT_STREAM):
        await answered(channel.queue_bind(queue, EVENTS, "#"), timeout)


async def _declare_queues(connection: AmqpConnection) -> None:
    fixed = (connection.named(queue) for queue in FIXED[1:])
    stream = [] if connection.stream is None else [EVENT_STREAM]
    await for_each(partial(_declare_if_possible, connection), [WRAPPER, TIMELINE, *stream, *fixed])


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
