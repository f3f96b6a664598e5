"""The bare round trip that every command contains: publish, consume, one majority update, reply.

Run as a process of its own it is the far end; ``Near`` is the near one. No code of the programs is in between, so
that what they add can be read off beside it.
"""

import argparse
import asyncio
import contextlib
import sys
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from pymongo import AsyncMongoClient, WriteConcern

from testkit.servers.servers import Servers

QUEUE = "bench.bare"
DOCUMENTS = 50
"""Over so many the updates are spread: one alone would be fought for."""

_MAJORITY = WriteConcern(w="majority", j=True)


async def far_end(amqp_url: str, mongo_url: str) -> None:
    """Answer each message after one majority update, until the process is ended."""
    mongo: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongo_url)
    async with mongo as client, await aio_pika.connect(amqp_url) as connection:
        documents = client["bench"].get_collection("bare", write_concern=_MAJORITY)
        for number in range(DOCUMENTS):
            await documents.update_one({"_id": number}, {"$set": {"version": 0}}, upsert=True)
        channel = await connection.channel()
        queue = await channel.declare_queue(QUEUE, durable=True)

        async def answer(message: AbstractIncomingMessage) -> None:
            number = int(str(message.correlation_id)[-4:], 16) % DOCUMENTS
            await documents.update_one({"_id": number}, {"$inc": {"version": 1}})
            reply = aio_pika.Message(b"{}", correlation_id=message.correlation_id)
            await channel.default_exchange.publish(reply, str(message.reply_to))
            await message.ack()

        await queue.consume(answer)
        print("ready", flush=True)
        await asyncio.Event().wait()


class Near:
    """Publishes and waits for the reply."""

    def __init__(self, channel: aio_pika.abc.AbstractChannel, replies: aio_pika.abc.AbstractQueue) -> None:
        self._channel = channel
        self._replies = replies
        self._waiting: dict[str, asyncio.Future[None]] = {}

    async def listen(self) -> None:
        """Consume the replies."""
        await self._replies.consume(self._heard, no_ack=True)

    async def trip(self) -> float:
        """One round trip, in seconds."""
        began, correlation = time.perf_counter(), uuid.uuid4().hex
        heard = self._waiting[correlation] = asyncio.get_running_loop().create_future()
        persistent = aio_pika.DeliveryMode.PERSISTENT
        message = aio_pika.Message(
            b"{}", correlation_id=correlation, reply_to=self._replies.name, delivery_mode=persistent
        )
        await self._channel.default_exchange.publish(message, QUEUE, mandatory=True)
        async with asyncio.timeout(10):
            await heard
        return time.perf_counter() - began

    async def _heard(self, message: AbstractIncomingMessage) -> None:
        self._waiting.pop(str(message.correlation_id)).set_result(None)


@contextlib.asynccontextmanager
async def near_end(amqp_url: str) -> AsyncIterator[Near]:
    """The near end, on a connection of its own; its queue goes with it."""
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel(publisher_confirms=True)
        near = Near(channel, await channel.declare_queue(exclusive=True))
        await near.listen()
        yield near


@dataclass(frozen=True)
class Ends:
    """A near end, and the process ids of the far ones that compete for what it sends."""

    near: Near
    far: list[int]


@contextlib.asynccontextmanager
async def both_ends(around: Servers, far: int = 1) -> AsyncIterator[Ends]:
    """The near end here, and so many far ones."""
    arguments = (sys.executable, "-m", "bench.bare", around.vhost.url, around.database.url)
    async with contextlib.AsyncExitStack() as stack:
        pids = []
        for _ in range(far):
            process = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
            stack.push_async_callback(process.wait)
            stack.callback(process.terminate)
            assert process.stdout is not None
            async with asyncio.timeout(20):
                await process.stdout.readline()
            pids.append(process.pid)
        yield Ends(await stack.enter_async_context(near_end(around.vhost.url)), pids)


def main() -> None:
    """Be the far end."""
    parser = argparse.ArgumentParser("bench.bare", description=__doc__)
    parser.add_argument("amqp_url")
    parser.add_argument("mongo_url")
    given = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(far_end(given.amqp_url, given.mongo_url))


if __name__ == "__main__":
    main()
