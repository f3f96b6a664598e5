"""Start benchmark: how long a wrapper takes until it is ready, with so many sessions open whose queues the broker has.

    python -m bench.start [--sessions 15000] [--missing 0] [--rounds 3]

One wrapper process on a private RabbitMQ and a private mongod; with no session open first, which is taken off: what is
left is listing and consuming. ``--missing`` leaves so many queues out, which the wrapper declares.
"""

import argparse
import asyncio
import os
import time

from bench.calls import servers
from callplane.bus.names import session_name
from callplane.bus.rabbitmq.arguments import CLASSIC, MESSAGES
from callplane.bus.rabbitmq.connection import AmqpConnection, Timings, open_connection, raw_channel
from callplane.bus.rabbitmq.topology import declare_permanent
from callplane.contracts.ids import SessionId
from callplane.telemetry.logs import configure_logs
from testkit.inprocess.crowded_database import session
from testkit.servers.programs import Size, cluster
from testkit.servers.servers import Servers, Vhost

TOGETHER = 500


async def ready(around: Servers) -> float:
    """Seconds from the start of a wrapper to its ready line; it is ended then."""
    began = time.perf_counter()
    async with cluster(around, Size(apis=0, wrappers=1, media_servers=0)):
        return time.perf_counter() - began


async def make(around: Servers, count: int, missing: int) -> None:
    """Open sessions, each with its queue, exchange and binding but for those that are to be missing."""
    documents = [session(participants=[{"id": "somebody"}]) for _ in range(count)]
    async with around.database.client() as client, open_connection(around.vhost.url, "bench", Timings()) as link:
        await client[around.database.name]["sessions"].insert_many(documents)
        await link.wait_up(10)
        kept = documents[missing:]
        for first in range(0, len(kept), TOGETHER):
            await _declare(link, [SessionId(one["_id"]) for one in kept[first : first + TOGETHER]])


async def _declare(link: AmqpConnection, sessions: list[SessionId]) -> None:
    channel = await link.channel(confirms=False)
    raw = await raw_channel(channel)
    await declare_permanent(raw, link)
    for one in sessions:
        name = session_name(one)
        await raw.queue_declare(name, durable=True, arguments=CLASSIC, nowait=True)
        await raw.exchange_declare(name, exchange_type="fanout", durable=True, nowait=True)
        await raw.exchange_bind(name, MESSAGES, one, nowait=True)
    await raw.basic_qos(prefetch_count=0, timeout=300)
    await channel.close()


async def main(options: argparse.Namespace) -> None:
    """Without sessions, then with them."""
    async with servers() as made:
        # The node's own virtual host, which ends with it: to delete thousands of queues takes longer.
        around = Servers(Vhost(made.vhost.node, "/"), made.database)
        bare = min([await ready(around) for _ in range(options.rounds)])
        print(f"no session open: ready after {bare:.2f} s", flush=True)
        await make(around, options.sessions, options.missing)
        for _ in range(options.rounds):
            took, missing = await ready(around), options.missing
            options.missing = 0  # they are there from now on
            rate = options.sessions / max(took - bare, 1e-3)
            load = os.getloadavg()[0]
            print(
                f"{options.sessions} open, {missing} without a queue: ready after {took:.2f} s, {rate:.0f} sessions/s"
            )
            print(f"  load average {load:.1f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser("bench.start", description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=15_000)
    parser.add_argument("--missing", type=int, default=0, help="so many of them have no queue")
    parser.add_argument("--rounds", type=int, default=3)
    configure_logs("warning")
    asyncio.run(main(parser.parse_args()))
