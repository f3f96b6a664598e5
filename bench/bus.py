"""Commands per second through the bus, beside aio-pika's bare request and reply of the same run.

    python -m bench.bus [--seconds 3] [--in-flight 50] [--url amqp://…]

Without ``--url`` a private RabbitMQ is started. Client, broker and wrapper share this machine's cores, so only the
ratio says something.
"""

import argparse
import asyncio
import contextlib
import resource
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from callplane.bus.memory import open_bus as open_memory_bus
from callplane.bus.ports import Bus, Delivery, Work
from callplane.bus.rabbitmq import RabbitSettings, open_bus
from callplane.contracts.commands import Caller, Done, Envelope, UpdateSession
from callplane.contracts.ids import SessionId, new_id
from callplane.telemetry.logs import configure_logs
from cli.machine.rabbitmq import rabbitmq

BODY = b"x" * 300

Request = Callable[[int], Awaitable[object]]


@dataclass(frozen=True)
class Figure:
    """One measurement."""

    name: str
    rate: float
    median_ms: float
    cpu_us: float

    def line(self, base: "Figure") -> str:
        """A row of the table."""
        return (
            f"{self.name:<34}{self.rate:>9.0f}/s{self.median_ms:>10.1f} ms{self.cpu_us:>9.0f} µs"
            f"{self.rate / base.rate:>9.2f}"
        )


async def measure(name: str, request: Request, in_flight: int, seconds: float) -> Figure:
    """Keep so many requests in flight for so long."""
    loop = asyncio.get_running_loop()
    times: list[float] = []
    end = loop.time() + 0.3

    async def client(number: int) -> None:
        while loop.time() < end:
            start = loop.time()
            await request(number)
            times.append(loop.time() - start)

    async def all_clients() -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(in_flight):
                tasks.create_task(client(number))

    await all_clients()
    times.clear()
    end, used = loop.time() + seconds, resource.getrusage(resource.RUSAGE_SELF)
    await all_clients()
    now = resource.getrusage(resource.RUSAGE_SELF)
    cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return Figure(name, len(times) / seconds, sorted(times)[len(times) // 2] * 1000, cpu / len(times) * 1e6)


@contextlib.asynccontextmanager
async def bare(url: str) -> AsyncIterator[Request]:
    """aio-pika as its users write it: one queue there, one exclusive queue back, persistent and confirmed."""
    waiting: dict[str, asyncio.Future[bytes]] = {}
    async with await aio_pika.connect(url) as connection, await aio_pika.connect(url) as server:
        channel, serving = await connection.channel(), await server.channel()
        await serving.set_qos(prefetch_count=50)
        queue = await serving.declare_queue("bench", durable=True)
        replies = await channel.declare_queue(exclusive=True)

        async def serve(message: AbstractIncomingMessage) -> None:
            reply = aio_pika.Message(message.body, correlation_id=message.correlation_id)
            await serving.default_exchange.publish(reply, message.reply_to or "")
            await message.ack()

        async def hear(message: AbstractIncomingMessage) -> None:
            waiting.pop(message.correlation_id or "").set_result(message.body)

        async def request(_: int) -> bytes:
            asked = uuid.uuid4().hex
            answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            waiting[asked] = answer
            note = aio_pika.Message(BODY, correlation_id=asked, reply_to=replies.name, delivery_mode=2)
            await channel.default_exchange.publish(note, "bench")
            return await answer

        await queue.consume(serve)
        await replies.consume(hear, no_ack=True)
        yield request
        await serving.queue_delete("bench")


@contextlib.asynccontextmanager
async def ours(api: Bus, wrapper: Bus, sessions: int) -> AsyncIterator[Request]:
    """A command of each session in turn, done by a handler that does nothing."""

    async def handler(_: Delivery) -> Done:
        return Done()

    async def abandon(_: Envelope) -> None: ...

    async def healthy() -> bool:
        return True

    async def cancelled(_: SessionId) -> None: ...

    work = Work(handler, abandon, healthy, cancelled)
    async with wrapper.listener(work) as listener, api.sender() as sender:
        ids = [SessionId(new_id()) for _ in range(sessions)]
        for session in ids:
            await listener.listen(session)
        body = UpdateSession(changes={"metadata": {"x": BODY.decode()}})

        async def request(number: int) -> object:
            envelope = Envelope(
                id=new_id(),
                session_id=ids[number % sessions],
                caller=Caller(kind="key", name="bench"),
                deadline=datetime.now(UTC),
                body=body,
            )
            reply = await sender.send(envelope, wait=8)
            assert reply is not None
            assert reply.problem is None
            return reply

        yield request
        for session in ids:
            await wrapper.topology.delete_session(session)


async def compare(url: str, in_flight: int, seconds: float) -> None:
    """Run them in turn and print the table."""
    print(f"{in_flight} in flight, {seconds:g} s each, one process for client and server")
    print(f"{'':<34}{'rate':>11}{'median':>13}{'CPU each':>12}{'ratio':>9}")
    async with bare(url) as request:
        base = await measure("aio-pika, bare request and reply", request, in_flight, seconds)
    print(base.line(base))
    for sessions in (50, 1):
        async with open_bus(RabbitSettings(url, "api")) as api, open_bus(RabbitSettings(url, "wrapper")) as wrapper:
            await api.wait_up(5)
            await wrapper.wait_up(5)
            async with ours(api, wrapper, sessions) as request:
                figure = await measure(f"callplane, {sessions} session(s)", request, in_flight, seconds)
        print(figure.line(base))
    async with open_memory_bus() as bus, ours(bus, bus, 50) as request:
        print((await measure("callplane in process, 50 sessions", request, in_flight, seconds)).line(base))


async def main(arguments: argparse.Namespace) -> None:
    """On a given broker, or on a private one."""
    if arguments.url:
        await compare(arguments.url, arguments.in_flight, arguments.seconds)
        return
    with tempfile.TemporaryDirectory() as directory:
        async with rabbitmq(Path(directory)) as node:
            await compare(node.url(), arguments.in_flight, arguments.seconds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The bus beside aio-pika's bare request and reply.")
    parser.add_argument("--url", help="an AMQP address; a private RabbitMQ is started without one")
    parser.add_argument("--in-flight", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=3.0)
    configure_logs("warning")
    asyncio.run(main(parser.parse_args()))
