"""Dead letters on RabbitMQ: got without an ack, and put back where they were."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime

from aio_pika.abc import AbstractChannel
from aiormq import Channel, spec
from aiormq.abc import DeliveredMessage
from aiormq.exceptions import ChannelLockedResource

from callplane.bus.dead_letters import LISTED, SEARCHED, NoSuchLetter, Send, StoredLetter
from callplane.bus.rabbitmq.arguments import ATTEMPT_HEADER, CLASSIC, DEAD_LETTERS
from callplane.bus.rabbitmq.connection import AmqpConnection, answered, raw_channel
from callplane.bus.rabbitmq.errors import as_missing, as_unavailable
from callplane.bus.rabbitmq.settlement import FAILED_HEADER, QUEUE_HEADER, REASON_HEADER
from callplane.bus.rabbitmq.topology import declare_permanent
from callplane.contracts.errors import Trouble, Unavailable
from callplane.contracts.operations import DeadLetterView

LOCK = "dead-letters.reader"
"""An exclusive queue: the one connection that has it may read. Nobody else can even declare it, and it dies with it."""

PATIENCE = 10.0
LOCKED_PAUSE = 0.05


class RabbitDeadLetters:
    """The DeadLetters port.

    What one process has got without an ack another does not see, so two that read at once would each show half of
    the letters, and miss the one that is asked for: hence the lock.
    """

    def __init__(self, connection: AmqpConnection) -> None:
        self._connection = connection
        # The broker's lock is between connections; this is between the requests of one process.
        self._turn = asyncio.Lock()
        self._there: list[str] = []
        """Where letters lie, as found at the beginning of this turn: ours, before it that of the other setting."""

    async def oldest(self, most: int = LISTED) -> list[DeadLetterView]:
        """Get up to so many, and put them back in order."""
        async with self._locked_channel() as channel:
            return [_stored(message).view() async for message in _got(channel, self._there, most)]

    async def replay(self, id_: str, send: Send) -> DeadLetterView:
        """Send one again, then ack it: who dies in between leaves it, and a repeated command has one effect."""
        async with self._locked_channel() as channel:
            message, stored = await _find(channel, self._there, id_)
            await send(stored.envelope())
            await _ack(channel, message)
            return stored.view()

    async def delete(self, id_: str) -> None:
        """Ack one."""
        async with self._locked_channel() as channel:
            message, _ = await _find(channel, self._there, id_)
            await _ack(channel, message)

    async def purge(self) -> None:
        """Empty the queue; under the lock nobody holds any of it."""
        async with self._locked_channel() as channel:
            for queue in self._there:
                await answered(channel.queue_purge(queue), self._connection.timings.call)

    @asynccontextmanager
    async def _locked_channel(self) -> AsyncIterator[Channel]:
        with as_unavailable("reading dead letters"):
            async with asyncio.timeout(PATIENCE), self._turn:
                self._there = await self._found()
                channel = await self._lock()
                try:
                    yield await raw_channel(channel)
                finally:
                    await self._unlock(channel)

    async def _found(self) -> list[str]:
        """Both queues of letters, if there is another. Raises Unavailable when the node of ours is down, before
        anything is locked that only dropping would free.
        """
        there = []
        with suppress(Trouble):  # as a rule there is none
            there = [await self._require(self._connection.other(DEAD_LETTERS))]
        try:
            return [*there, await self._require(self._connection.named(DEAD_LETTERS))]
        except Trouble as down:
            raise Unavailable(str(down)) from None

    async def _require(self, queue: str) -> str:
        opened = await self._connection.channel(confirms=False)
        raw = await raw_channel(opened)
        await declare_permanent(raw, self._connection)
        async with as_missing("reading dead letters", lambda: raw):
            await answered(raw.queue_declare(queue, passive=True), self._connection.timings.call)
        await opened.close()
        return queue

    async def _lock(self) -> AbstractChannel:
        """A channel on a connection that now holds the lock."""
        call = self._connection.timings.call
        while True:
            channel = await self._connection.channel(confirms=False)
            try:
                raw = await raw_channel(channel)
                await answered(raw.queue_declare(LOCK, exclusive=True, arguments=CLASSIC), call)
            except ChannelLockedResource:
                await asyncio.sleep(LOCKED_PAUSE)
            except BaseException:
                # It may be ours without our knowing, and nobody would ever give it back.
                self._connection.drop()
                raise
            else:
                return channel

    async def _unlock(self, channel: AbstractChannel) -> None:
        try:
            async with asyncio.timeout(self._connection.timings.call):
                raw = await raw_channel(channel)
                await raw.basic_nack(0, multiple=True, requeue=True)
                # The queue answers after it has taken them back, each at its old place; only then may others look.
                for queue in self._there:
                    await answered(raw.queue_declare(queue, passive=True), self._connection.timings.call)
                await answered(raw.queue_delete(LOCK), self._connection.timings.call)
                await channel.close()
        except BaseException:
            # The end of the connection gives back both, letters and lock.
            self._connection.drop()
            raise


async def _got(channel: Channel, queues: list[str], most: int) -> AsyncIterator[DeliveredMessage]:
    for queue in queues:
        while most:
            message = await channel.basic_get(queue)
            if isinstance(message.delivery, spec.Basic.GetEmpty):
                break
            most -= 1
            yield message


async def _find(channel: Channel, queues: list[str], id_: str) -> tuple[DeliveredMessage, StoredLetter]:
    async for message in _got(channel, queues, SEARCHED):
        if message.header.properties.message_id == id_:
            return message, _stored(message)
    raise NoSuchLetter(id_)


async def _ack(channel: Channel, message: DeliveredMessage) -> None:
    if message.delivery_tag is not None:
        await channel.basic_ack(message.delivery_tag)


def _stored(message: DeliveredMessage) -> StoredLetter:
    """Read a letter; what is missing or odd gets a default, for anybody may have put it there.

    The broker itself does at a delivery limit, with headers of its own.
    """
    properties = message.header.properties
    headers = properties.headers or {}
    attempt = headers.get(ATTEMPT_HEADER)
    return StoredLetter(
        id=properties.message_id or "",
        body=message.body,
        queue=str(headers.get(QUEUE_HEADER) or headers.get("x-first-death-queue") or ""),
        reason=str(headers.get(REASON_HEADER) or headers.get("x-first-death-reason") or ""),
        attempt=attempt if isinstance(attempt, int) and attempt > 0 else 1,
        failed_at=_time(headers.get(FAILED_HEADER)),
    )


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
