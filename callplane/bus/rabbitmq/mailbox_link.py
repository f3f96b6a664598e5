"""Mailbox link: mailboxes spread over a dozen channels, a few to ask on, one for the messages of other pods."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from uuid import uuid4
from weakref import WeakKeyDictionary

from aiormq import Channel, Connection
from aiormq.abc import DeliveredMessage
from aiormq.exceptions import DeliveryError, PublishError
from pamqp import commands as spec

from callplane.bus.mailbox_ports import PREFETCH, LinkLost, Publication, Reader
from callplane.bus.names import mailbox_name, session_name
from callplane.bus.ports import Unroutable
from callplane.bus.rabbitmq.arguments import MAILBOX_ARGUMENTS, MESSAGES
from callplane.bus.rabbitmq.connection import answered, close_channel
from callplane.bus.rabbitmq.errors import as_missing, as_unavailable
from callplane.concurrency import pause_unless
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
    reading: list[Channel]
    pod_queue: Channel
    posting: Channel


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
        self._consumers: WeakKeyDictionary[Reader, tuple[Channel, str]] = WeakKeyDictionary()
        self._locks = {channel: asyncio.Lock() for channel in channels.reading}
        """Held while a consumer is made: the channel's prefetch may be another meanwhile."""
        self._free_channels: asyncio.LifoQueue[Channel | None] = asyncio.LifoQueue(ASKING)
        for _ in range(ASKING):
            self._free_channels.put_nowait(None)
        self._acks: deque[tuple[Channel, int]] = deque()
        """Delivery tags that are acknowledged and not sent yet."""
        self._acks_waiting = asyncio.Event()
        self._acks_sent = asyncio.Event()
        self._acks_sent.set()
        for channel in channels.reading:
            channel.on_consumer_cancel_callbacks.add(self._cancelled)

    def end(self, why: str) -> None:
        """Give everything up; whoever opened the link closes its connections."""
        if not self.ended.is_set():
            logger("mailboxes").info("link ended", queue=self.queue, why=why)
            self.ended.set()
            self._readers.clear()
            self._acks.clear()
            self._acks_waiting.set()

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

        async def hand_on(message: DeliveredMessage) -> None:
            # aiormq starts a task per delivery; as this never waits, tasks that run in turn keep the order.
            if tag in self._readers:
                token = message.header.properties.message_id or uuid4().hex
                reader.receive(Publication(token, message.body, (channel, message.delivery_tag)))

        with self._ending_link("consumed a mailbox"):
            async with asyncio.timeout(ANSWER_WITHIN), self._locks[channel]:
                # The prefetch of a consumer is what its channel's was when it came (RabbitMQ, "Consumer Prefetch").
                if most != PREFETCH:
                    await channel.basic_qos(prefetch_count=most)
                await channel.basic_consume(mailbox_name(participant_id), hand_on, consumer_tag=tag)
                if most != PREFETCH:
                    await channel.basic_qos(prefetch_count=PREFETCH)

    async def leave(self, reader: Reader) -> None:
        """The broker's answer comes behind the last delivery."""
        self._require_link()
        channel, tag = self._consumers[reader]
        with self._ending_link("left a mailbox"):
            await answered(channel.basic_cancel(tag), ANSWER_WITHIN)
        self._readers.pop(tag, None)

    async def give_back(self, received: Iterable[Publication]) -> None:
        """One by one, for others' deliveries stand between them; before whatever is asked on that channel next."""
        self._require_link()
        with self._ending_link("gave messages back"):
            for channel, tag in [one.tag for one in received if one.tag is not None]:
                await channel.basic_nack(tag, requeue=True, wait=False)

    def acknowledge(self, received: Iterable[Publication]) -> None:
        """Leave the acknowledgements to ``send_acknowledgements``: no end of a poll may cut them in half."""
        if self.ended.is_set():
            return
        self._acks.extend(one.tag for one in received if one.tag is not None)
        self._acks_sent.clear()
        self._acks_waiting.set()

    async def send_acknowledgements(self) -> None:
        """Send what ``acknowledge`` leaves, until the link ends."""
        while not self.ended.is_set():
            await self._acks_waiting.wait()
            self._acks_waiting.clear()
            with suppress(LinkLost), self._ending_link("acknowledged"):
                while self._acks:
                    channel, tag = self._acks.popleft()
                    await channel.basic_ack(tag, wait=not self._acks)
            self._acks_sent.set()

    async def flush(self) -> None:
        """Wait until the acknowledgements are sent, so that a peaceful end repeats nothing."""
        await pause_unless(self._acks_sent, FLUSH_WITHIN)

    async def post(self, queue: str, message: bytes) -> None:
        """Publish mandatory and wait for the confirm; the broker returns what has no queue before it confirms."""
        self._require_link()
        with self._ending_link("posted a letter"):
            try:
                await self._channels.posting.basic_publish(
                    message, routing_key=queue, mandatory=True, timeout=CONFIRM_WITHIN, wait=False
                )
            except PublishError as returned:
                raise Unroutable(queue) from returned
            except DeliveryError as refused:
                # The other pod's queue is full: it does not read. That is silence, not an end.
                logger("mailboxes").warning("letter refused", queue=queue, why=str(refused))

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
