"""Content channel: deliveries, publications and confirms of one of aiormq's channels, without a task for each.

aiormq opens and closes the channel, asks and answers on it, and says why it has ended (decision 22).
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Literal
from uuid import uuid4

from aiormq import Channel
from aiormq.exceptions import ChannelInvalidStateError

from callplane.bus.rabbitmq import frames
from callplane.bus.rabbitmq.transport import Socket, UnexpectedFrame
from callplane.telemetry.failures import frames as frames_of
from callplane.telemetry.failures import words
from callplane.telemetry.logs import logger

log = logger("bus")

Confirm = Literal["taken", "returned", "refused"]
"""What the broker says of a publication: it is in every queue, no queue is there for it, or one did not take it."""


class Delivered:
    """One delivery: what it carries is read when it is asked for."""

    __slots__ = ("_header", "_method", "body", "channel")

    def __init__(self, channel: "ContentChannel", method: bytes, header: bytes, body: bytes) -> None:
        self.channel = channel
        self.body = body
        self._method = method
        self._header = header

    @property
    def delivery_tag(self) -> int:
        """What it is acknowledged by, on its channel."""
        return frames.delivery_tag(self._method)[0]

    @property
    def redelivered(self) -> bool:
        """Whether somebody may have had it before."""
        return frames.delivery_tag(self._method)[1]

    @property
    def routing_key(self) -> str:
        """What it was published with."""
        return frames.routing_key(self._method)

    @property
    def properties(self) -> frames.Properties:
        """Its properties; read anew at each asking."""
        return frames.properties_of(self._header)


OnDelivery = Callable[[Delivered], None]
"""Told of each delivery in order, from the event loop; it never waits."""


class ContentChannel:
    """Takes the frames of messages of one channel, and writes them. All its calls are of this turn: none waits."""

    def __init__(self, raw: Channel, socket: Socket) -> None:
        self.raw = raw
        self._number = raw.number
        self._consumers: dict[bytes, OnDelivery] = {}
        """By their tags."""
        self._method: bytes | None = None
        """Of the message that is coming, None between two."""
        self._header: bytes | None = None
        """The same, of its header."""
        self._pieces: list[bytes] = []
        """What has come of its body."""
        self._missing = 0
        """How many octets of that have not."""
        self._published = 0
        """How many publications there were: their numbers are the broker's too."""
        self._unconfirmed: dict[int, tuple[str, asyncio.Future[Confirm]]] = {}
        """What waits for its confirm, in the order of publishing, each with its message id."""
        self._number_of: dict[str, int] = {}
        """Message id → number, of those, for what is returned has no number."""
        self._is_over = False
        """Whether a close has come or gone: what is written behind it ends the whole connection."""
        self._loop = asyncio.get_running_loop()
        self._writer = socket.register(raw.number, self)
        raw.closing.add_done_callback(partial(self._closed, socket))

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be written on it any more."""
        return self._is_over or self.raw.is_closed

    def listen(self, tag: str, on_delivery: OnDelivery) -> None:
        """Tell of the deliveries to that consumer, which is made by ``raw``, under that tag, after this."""
        self._consumers[tag.encode()] = on_delivery
        # aiormq answers a broker that ends a consumer only for those that it knows.
        self.raw.consumers[tag] = _not_taken

    async def consume(
        self,
        queue: str,
        on_delivery: OnDelivery,
        *,
        tag: str | None = None,
        no_ack: bool = False,
        arguments: dict[str, Any] | None = None,
    ) -> None:
        """Consume a queue, and tell of its deliveries; the first may come before this is back."""
        tag = tag or uuid4().hex
        self._consumers[tag.encode()] = on_delivery
        await self.raw.basic_consume(queue, _not_taken, no_ack=no_ack, consumer_tag=tag, arguments=arguments)

    def unlisten(self, tag: str) -> None:
        """Tell no more of them."""
        self._consumers.pop(tag.encode(), None)
        self.raw.consumers.pop(tag, None)

    def ack(self, tag: int, *, multiple: bool = False) -> None:
        """Acknowledge a delivery. Raises ChannelInvalidStateError."""
        self._write(frames.settled(self._number, frames.ACK, tag, multiple=multiple))

    def requeue(self, tag: int) -> None:
        """Give a delivery back, to its place. Raises ChannelInvalidStateError."""
        self._write(frames.settled(self._number, frames.NACK, tag, requeue=True))

    def publish(self, address: frames.Address, properties: bytes, body: bytes) -> None:
        """Publish without a confirm. Raises ChannelInvalidStateError."""
        self._write(frames.publication(self._number, address, properties, body, self.raw.max_content_size))

    def publish_confirmed(
        self, address: frames.Address, properties: bytes, body: bytes, *, message_id: str
    ) -> asyncio.Future[Confirm]:
        """Publish; what the broker says to it, or what the channel ended with. Raises ChannelInvalidStateError."""
        self.publish(address, properties, body)
        self._published += 1
        confirm: asyncio.Future[Confirm] = self._loop.create_future()
        self._unconfirmed[self._published] = message_id, confirm
        self._number_of[message_id] = self._published
        return confirm

    async def drain(self) -> None:
        """Back when what was written is with the socket, and that takes more."""
        await self._writer.drain()

    def end(self) -> None:
        """A close has come or gone."""
        self._is_over = True

    def take(self, kind: int, data: bytes, start: int, end: int) -> bool:
        """Take a frame, if it is of a message; see ``Taker``."""
        if kind == frames.METHOD:
            return self._take_method(data, start, end)
        if self._method is None:
            return False
        if kind == frames.CONTENT_HEADER and self._header is None:
            self._header = data[start:end]
            self._missing = frames.body_size(self._header)
        elif kind == frames.BODY and self._header is not None and end - start <= self._missing:
            self._pieces.append(data[start:end])
            self._missing -= end - start
        else:
            raise UnexpectedFrame(f"frame of type {kind} within a message")
        if not self._missing:
            self._take_message(self._method, self._header)
        return True

    def _take_method(self, data: bytes, start: int, end: int) -> bool:
        method = data[start : start + 4]
        if method in (frames.CHANNEL_CLOSE, frames.CHANNEL_CLOSE_OK):
            self._is_over, self._method, self._header = True, None, None
            return False
        if self._method is not None:
            raise UnexpectedFrame("a method within a message")
        if method == frames.DELIVER:
            if frames.consumer_tag(data, start) not in self._consumers:
                return False
            self._method = data[start:end]
        elif method in (frames.ACK, frames.NACK) and self.raw.publisher_confirms:
            number, multiple = frames.confirmed(data, start)
            self._confirm("taken" if method == frames.ACK else "refused", number, multiple=multiple)
        elif method == frames.RETURN and self.raw.publisher_confirms:
            self._method = data[start:end]
        else:
            if method in (frames.CANCEL, frames.CANCEL_OK):
                self._consumers.pop(frames.consumer_tag(data, start), None)
            return False
        return True

    def _take_message(self, method: bytes, header: bytes) -> None:
        pieces, self._pieces, self._method, self._header = self._pieces, [], None, None
        if method.startswith(frames.RETURN):
            number = self._number_of.get(frames.properties_of(header).message_id or "", 0)
            self._confirm("returned", number, multiple=False)
            return
        on_delivery = self._consumers.get(frames.consumer_tag(method, 0))
        if on_delivery is None:
            return
        try:
            on_delivery(Delivered(self, method, header, pieces[0] if len(pieces) == 1 else b"".join(pieces)))
        except Exception as failure:
            log.error("a delivery was not taken", why=words(failure), frames=frames_of(failure))

    def _confirm(self, said: Confirm, number: int, *, multiple: bool) -> None:
        """A publication that was returned is confirmed as well, and given up ones are: nobody waits for either."""
        if not multiple:
            self._answer(number, said)
            return
        while self._unconfirmed and (first := next(iter(self._unconfirmed))) <= number:
            self._answer(first, said)

    def _answer(self, number: int, said: Confirm) -> None:
        message_id, confirm = self._unconfirmed.pop(number, (None, None))
        if message_id is None or confirm is None:
            return
        if self._number_of.get(message_id) == number:
            del self._number_of[message_id]
        if not confirm.done():
            confirm.set_result(said)

    def _write(self, data: bytes) -> None:
        if self._is_over or self.raw.is_closed:
            raise ChannelInvalidStateError(f"channel {self._number} closed")
        self._writer.give(data)

    def _closed(self, socket: Socket, closing: asyncio.Future[Any]) -> None:
        self._is_over = True
        socket.unregister(self._number, self)
        why = None if closing.cancelled() else closing.exception()
        for _, confirm in self._unconfirmed.values():
            if not confirm.done():
                # What aiormq makes of a cancelled reader is no cancelling of who waits here.
                confirm.set_exception(why if isinstance(why, Exception) else ChannelInvalidStateError("channel closed"))
        self._unconfirmed.clear()
        self._number_of.clear()


async def _not_taken(_message: object) -> None:
    """Stands for a consumer whose deliveries aiormq does not see."""
