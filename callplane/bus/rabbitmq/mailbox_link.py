"""Mailbox link: mailboxes spread over a dozen channels, a few to ask on, one for the messages of other pods."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from uuid import uuid4
from weakref import WeakKeyDictionary

from aiormq import Channel, Connection
from pamqp import commands as spec

from callplane.bus.mailbox_ports import PREFETCH, LinkLost, Publication, Reader
from callplane.bus.names import mailbox_name, session_name
from callplane.bus.ports import Unroutable
from callplane.bus.rabbitmq.arguments import MAILBOX_ARGUMENTS, MESSAGES
from callplane.bus.rabbitmq.connection import answered, close_channel
from callplane.bus.rabbitmq.content_channel import ContentChannel, Delivered
from callplane.bus.rabbitmq.errors import as_missing, as_unavailable
from callplane.bus.rabbitmq.frames import Address, transient
from callplane.contracts.errors import NodeDown, Trouble, Unavailable
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.telemetry.logs import logger

CHANNELS = 12
ANSWER_WITHIN = 5.0
FREE_WITHIN = 5.0
"""Seconds to wait for a channel to ask on, as long as one that got no answer is kept."""

ASKING = 4
LEAVE_WITHIN = 0.5
CONFIRM_WITHIN = 2.0
FLUSH_WITHIN = 1.0


@dataclass(frozen=True, slots=True)
class LinkChannels:
    """What a link talks through; ``reading`` have their prefetch set."""

    connection: Connection
    reading: list[ContentChannel]
    pod_queue: Channel
    posting: ContentChannel


class RabbitLink:
    """Ends as a whole: an unexpected end of any channel is the end of everything that was read on it."""

    def __init__(self, queue: str, channels: LinkChannels) -> None:
        self.queue = queue
        self.ended = asyncio.Event()
        self._channels = channels
        self._turns = count()
        """Which channel the next reader gets, modulo their number."""
        self._readers: dict[str, Reader] = {}
        """Consumer tag → who reads; one that is gone is given nothing more."""
        # The channel and the consumer tag that each reader has, or had last.
        self._consumers: WeakKeyDictionary[Reader, tuple[ContentChannel, str]] = WeakKeyDictionary()
        self._locks = {channel: asyncio.Lock() for channel in channels.reading}
        """Held while a consumer is made: the channel's prefetch may be another meanwhile."""
        self._free_channels: asyncio.LifoQueue[Channel | None] = asyncio.LifoQueue(ASKING)
        for _ in range(ASKING):
            self._free_channels.put_nowait(None)
        for channel in channels.reading:
            channel.raw.on_consumer_cancel_callbacks.add(self._cancelled)

    def end(self, why: str) -> None:
        """Give everything up; whoever opened the link closes its connections."""
        if not self.ended.is_set():
            logger("mailboxes").info("link ended", queue=self.queue, why=why)
            self.ended.set()
            self._readers.clear()

    async def depth(self, participant_id: ParticipantId) -> int | None:
        """Ask on a channel of its own, for RabbitMQ closes the channel that asked for what does not exist."""
        try:
            async with self._asking_channel("asked for a mailbox") as channel:
                found = await channel.queue_declare(mailbox_name(participant_id), passive=True)
        except NodeDown:
            raise
        except Trouble:
            return None
        return found.message_count or 0

    async def restore(self, session_id: SessionId, participant_id: ParticipantId) -> None:
        """Everything is idempotent; only the last waits, and an error of any of them is its own."""
        session, mailbox = session_name(session_id), mailbox_name(participant_id)
        async with self._asking_channel("restored a mailbox") as channel:
            await channel.exchange_declare(MESSAGES, exchange_type="direct", durable=True, nowait=True)
            await channel.exchange_declare(session, exchange_type="fanout", durable=True, nowait=True)
            await channel.exchange_bind(session, MESSAGES, session_id, nowait=True)
            await channel.queue_declare(mailbox, durable=True, arguments=MAILBOX_ARGUMENTS, nowait=True)
            await channel.queue_bind(mailbox, session)

    async def consume(self, participant_id: ParticipantId, reader: Reader, most: int = PREFETCH) -> None:
        """Read on the next channel in turn, and on the same one ever after.

        On another channel it could be given what stands behind messages that it has just given back.
        """
        self._require_link()
        before = self._consumers.get(reader)
        channel = before[0] if before else self._channels.reading[next(self._turns) % CHANNELS]
        tag = f"{mailbox_name(participant_id)}.{uuid4().hex}"
        self._readers[tag] = reader
        self._consumers[reader] = channel, tag

        def hand_on(message: Delivered) -> None:
            if tag in self._readers:
                token = message.properties.message_id or uuid4().hex
                reader.receive(Publication(token, message.body, (channel, message.delivery_tag)))

        with self._ending_link("consumed a mailbox"):
            async with asyncio.timeout(ANSWER_WITHIN), self._locks[channel]:
                # The prefetch of a consumer is what its channel's was when it came (RabbitMQ, "Consumer Prefetch").
                if most != PREFETCH:
                    await channel.raw.basic_qos(prefetch_count=most)
                await channel.consume(mailbox_name(participant_id), hand_on, tag=tag)
                if most != PREFETCH:
                    await channel.raw.basic_qos(prefetch_count=PREFETCH)

    async def leave(self, reader: Reader) -> None:
        """The broker's answer comes behind the last delivery."""
        self._require_link()
        channel, tag = self._consumers[reader]
        with self._ending_link("left a mailbox"):
            await answered(channel.raw.basic_cancel(tag), ANSWER_WITHIN)
        self._readers.pop(tag, None)

    async def give_back(self, received: Iterable[Publication]) -> None:
        """One by one, for others' deliveries stand between them; before whatever is asked on that channel next."""
        self._require_link()
        with self._ending_link("gave messages back"):
            for channel, tag in [one.tag for one in received if one.tag is not None]:
                channel.requeue(tag)

    def acknowledge(self, received: Iterable[Publication]) -> None:
        """All at once: no end of a poll may cut them in half."""
        if self.ended.is_set():
            return
        with suppress(LinkLost), self._ending_link("acknowledged"):
            for channel, tag in [one.tag for one in received if one.tag is not None]:
                channel.ack(tag)

    async def flush(self) -> None:
        """Wait until the acknowledgements are sent, so that a peaceful end repeats nothing."""
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(FLUSH_WITHIN):
                await self._channels.reading[0].drain()

    async def post(self, queue: str, message: bytes) -> None:
        """Publish mandatory and wait for the confirm; the broker returns what has no queue before it confirms."""
        self._require_link()
        message_id = uuid4().hex
        with self._ending_link("posted a letter"):
            async with asyncio.timeout(CONFIRM_WITHIN):
                said = await self._channels.posting.publish_confirmed(
                    Address("", queue, mandatory=True), transient(message_id), message, message_id=message_id
                )
        if said == "returned":
            raise Unroutable(queue)
        if said == "refused":
            # The other pod's queue is full: it does not read. That is silence, not an end.
            logger("mailboxes").warning("letter refused", queue=queue)

    @asynccontextmanager
    async def _asking_channel(self, doing: str) -> AsyncIterator[Channel]:
        """One of a few channels. Raises NodeDown for a queue whose node is down or silent, and Trouble for a 404.

        A node that is silent ends nothing but the channel that asked: a connection that is silent ends by heartbeat.
        """
        self._require_link()
        channel = await self._free_channel(doing)
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                try:
                    with self._ending_link(doing):
                        async with as_missing(doing, lambda: channel):
                            if channel is None or channel.is_closed:
                                channel = await open_channel(self._channels.connection)
                            yield channel
                except BaseException:
                    await close_channel(channel, LEAVE_WITHIN)
                    raise
                finally:
                    self._free_channels.put_nowait(channel)
        except TimeoutError:
            raise NodeDown(f"{doing}: no answer") from None

    async def _free_channel(self, doing: str) -> Channel | None:
        """One that asks nothing now.

        Raises Unavailable when none is in time: that says nothing of the queue's own node.
        """
        try:
            async with asyncio.timeout(FREE_WITHIN):
                return await self._free_channels.get()
        except TimeoutError:
            raise Unavailable(f"{doing}: too many questions wait for an answer") from None

    async def _cancelled(self, frame: spec.Basic.Cancel) -> None:
        reader = self._readers.pop(frame.consumer_tag or "", None)
        if reader is not None:
            reader.cancelled()

    def _require_link(self) -> None:
        if self.ended.is_set():
            raise LinkLost(self.queue)

    @contextmanager
    def _ending_link(self, doing: str) -> Iterator[None]:
        """End the link with whatever says that its connection is over. Raises LinkLost then."""
        try:
            with as_unavailable(doing):
                yield
        except Unavailable as failure:
            self.end(str(failure))
            raise LinkLost(self.queue) from failure


async def open_channel(connection: Connection, *, confirms: bool = False) -> Channel:
    """A channel as the class that knows of consumer cancels and of its own end."""
    channel = await connection.channel(publisher_confirms=confirms)
    assert isinstance(channel, Channel)
    return channel
