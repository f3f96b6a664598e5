"""AMQP fan-out, a ceiling: a transient queue for each reader behind one fanout exchange, publisher and readers here.

By aio-pika as its users write it, or by frames that are only told by their length (``raw``). It obeys the orders of the
crowd, so that a scenario does not know the difference; a message counts as accepted once everybody has it.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import aio_pika
import uvloop
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage
from pamqp import commands

from bench.messages.book import Reader, Room
from bench.messages.crowd import Crowd, Seat
from bench.messages.orders import obey
from bench.messages.raw_amqp import RawConnection, published, raw_connection
from bench.messages.sending import Senders, Sending, Sent

EXCHANGE = "bench.fanout"
ACCEPTED_WITHIN = 30.0


class Fanout(Senders):
    """One room; senders that publish instead of asking an API."""

    def __init__(self, crowd: Crowd, size: int, channel: AbstractChannel) -> None:
        super().__init__(crowd, Sending(size))
        self._channel = channel
        self._waiting: dict[int, asyncio.Future[None]] = {}
        """By message number: set once everybody has it."""

    async def rooms(self, count: int, people: int, door: str = "") -> dict[str, Any]:
        """A queue for each; of rooms there is one."""
        exchange = await self._channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.FANOUT, auto_delete=True)
        room = Room(0, readers=people)
        self._crowd.rooms = [room]
        for number in range(people):
            queue = await self._channel.declare_queue(queue_of(number), auto_delete=True)
            await queue.bind(exchange)
            self._crowd.seats.append(Seat(number, room, str(number), "", Reader(room)))
        return {"seconds": 0.0, "seats": people * count}

    def signal(self, seat: Seat, number: int, mark: str, to: str | None = None) -> bytes:
        """What is published, as long as the programs' message."""
        data = {"from": "0" * 36, "type": "bench", "data": mark + self._filling}
        message = {"id": "0" * 36, "type": "signal", "session_id": "0" * 36, "version": None, "at": "", "data": data}
        return json.dumps(message, separators=(",", ":")).encode()

    async def put(self, seat: Seat, number: int, question: bytes, sent: Sent) -> None:
        """Publish, and wait until everybody has it."""
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        sent.sent += 1
        sent.marks.append((seat.room, number))
        await self.publish(question)
        async with asyncio.timeout(ACCEPTED_WITHIN):
            await waiting

    def given(self, reader: Reader, body: bytes) -> None:
        """A delivery."""
        book = self._crowd.book
        book.given(reader, body)
        for _, number, _ in book.latest:
            if not reader.room.left[number] and (waiting := self._waiting.pop(number, None)) is not None:
                waiting.set_result(None)

    async def publish(self, body: bytes) -> None:
        """Without a confirm."""
        raise NotImplementedError

    async def open(self, name: str) -> dict[str, Any]:
        """Consume every queue; there is one kind of door."""
        raise NotImplementedError


class ByAioPika(Fanout):
    """As its users write it."""

    _exchange: AbstractExchange

    async def open(self, name: str) -> dict[str, Any]:
        """A consumer for each queue, without acknowledgements."""
        self._exchange = await self._channel.get_exchange(EXCHANGE)
        for seat in self._crowd.seats:
            queue = await self._channel.get_queue(queue_of(seat.number))
            await queue.consume(self._consumer(seat.reader), no_ack=True)
        return {"seconds": 0.0, "open": len(self._crowd.seats)}

    def _consumer(self, reader: Reader) -> Callable[[AbstractIncomingMessage], Awaitable[None]]:
        async def consume(message: AbstractIncomingMessage) -> None:
            self.given(reader, message.body)

        return consume

    async def publish(self, body: bytes) -> None:
        """Transient."""
        await self._exchange.publish(aio_pika.Message(body), "")


class ByFrames(Fanout):
    """By frames that are only told by their length."""

    url = ""
    _publisher: RawConnection

    async def open(self, name: str) -> dict[str, Any]:
        """A channel and a consumer for each queue, on one connection."""
        self._publisher, consumer = await raw_connection(self.url), await raw_connection(self.url)
        await self._publisher.call(commands.Channel.Open(), 1)
        readers = [seat.reader for seat in self._crowd.seats]
        for number in range(len(readers)):
            await consumer.call(commands.Channel.Open(), number + 1)
            await consumer.call(commands.Basic.Consume(queue=queue_of(number), no_ack=True), number + 1)
        consumer.on_body = lambda channel, body: self.given(readers[channel - 1], body)
        return {"seconds": 0.0, "open": len(readers)}

    async def publish(self, body: bytes) -> None:
        """Transient."""
        self._publisher.write_bytes(published(EXCHANGE, body))


def queue_of(number: int) -> str:
    """The name of a reader's queue."""
    return f"bench.fanout.{number}"


async def main() -> None:
    """Obey on the broker that the command line names."""
    given = json.loads(sys.argv[1])
    async with await aio_pika.connect(given["amqp_url"]) as connection:
        channel = await connection.channel(publisher_confirms=False)
        kind = ByFrames if given["raw"] else ByAioPika
        made = kind(Crowd([], ""), given["bytes"], channel)
        if isinstance(made, ByFrames):
            made.url = given["amqp_url"]
        await obey({one.__name__: one for one in (made.rooms, made.open, made.paced, made.flood)})


if __name__ == "__main__":
    uvloop.run(main())
