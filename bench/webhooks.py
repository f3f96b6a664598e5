"""Webhook trial: events to an endpoint that misbehaves, while worker, RabbitMQ and mongod are killed.

    python -m bench.webhooks [--events 20000] [--sessions 200] [--kills 3] [--seed 1]

The endpoint answers 200, 500, 429 with Retry-After, hangs and resets at random. Each of the three is killed ``--kills``
times, spread over the run, and started again. Pauses are of tests (0.2 s to 2 s, an answer within 1 s). Exit status 1
when an event did not come, one came first after a later one of its session, an attempt had another id or body, or a
delivery is dead.
"""

import argparse
import asyncio
import os
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import aio_pika
import aio_pika.exceptions

from callplane.bus.event_ports import EventBus
from callplane.bus.rabbitmq import RabbitSettings, open_bus
from callplane.concurrency import for_each
from callplane.contracts.errors import Unavailable
from callplane.contracts.events import CloudEvent
from callplane.contracts.ids import SessionId, new_id
from callplane.contracts.webhooks import WebhookId
from callplane.store.mongo.database import open_database
from callplane.store.webhooks import Webhook, Webhooks, WebhookSecret
from callplane.telemetry.logs import configure_logs
from cli.machine.mongod import Mongod, mongod
from cli.machine.process import Command, Process, python
from cli.machine.rabbitmq import RabbitMQ, rabbitmq
from cli.machine.rundir import run_directory
from hooks.intake import QUEUE
from testkit.inprocess.hooks import SECRET
from testkit.servers.programs import ROOT
from testkit.servers.webhook_receiver import Behaviour, WebhookReceiver, webhook_receiver

WORKERS = 2
AT_ONCE = 16
MIXED: dict[Behaviour, int] = {"ok": 80, "error": 8, "busy": 4, "hang": 2, "reset": 6}
SETTINGS = {
    "CALLPLANE_WEBHOOK_HOSTS": "loopback",
    "CALLPLANE_WEBHOOK_SECONDS": "1",
    "CALLPLANE_WEBHOOK_FIRST_PAUSE": "0.2",
    "CALLPLANE_WEBHOOK_LONGEST_PAUSE": "2",
    "CALLPLANE_WEBHOOK_PER_ENDPOINT": "64",
    "CALLPLANE_LOG_LEVEL": "warning",
}


@dataclass
class Stage:
    """The servers, the workers, and where events go."""

    broker: RabbitMQ
    database: Mongod
    directory: Path
    workers: list[Process] = field(default_factory=list)
    killed: Counter[str] = field(default_factory=Counter)

    def worker(self, n: int) -> Process:
        """One more process of the webhook program."""
        servers = {"CALLPLANE_AMQP_URL": self.broker.url(), "CALLPLANE_MONGO_URL": self.database.url}
        command = Command(
            "hooks", python("hooks"), self.directory / f"hooks-{n}.log", {**os.environ, **servers, **SETTINGS}, ROOT
        )
        return Process(command)

    async def kill_worker(self) -> None:
        """SIGKILL one, and start another a moment later."""
        n = random.randrange(len(self.workers))
        await self.workers[n].kill()
        self.workers[n] = self.worker(n)
        await self.workers[n].ready_line()

    async def kill_broker(self) -> None:
        """SIGKILL the node, and start it again with what it has kept."""
        await self.broker.kill()
        await self.broker.start()

    async def kill_database(self) -> None:
        """The same for mongod."""
        await self.database.kill()
        await self.database.start()


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Private servers and the workers, for the block."""
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(run_directory())
        broker = await stack.enter_async_context(rabbitmq(directory / "rabbitmq"))
        database = await stack.enter_async_context(mongod(directory / "mongod"))
        made = Stage(broker, database, directory)
        try:
            made.workers = [made.worker(n) for n in range(WORKERS)]
            for worker in made.workers:
                await worker.ready_line()
            await _bound(broker)
            yield made
        finally:
            for worker in made.workers:
                await worker.terminate()


async def _bound(broker: RabbitMQ) -> None:
    """Wait until a worker has declared the queue: what is published before that goes nowhere."""
    async with asyncio.timeout(30), await aio_pika.connect(broker.url()) as connection:
        while True:
            channel = await connection.channel()
            try:
                found = await channel.declare_queue(QUEUE, passive=True)
            except aio_pika.exceptions.ChannelClosed:
                await asyncio.sleep(0.1)
                continue
            if found.declaration_result.consumer_count:
                return
            await asyncio.sleep(0.1)


async def publish(events: EventBus, sessions: int, count: int) -> None:
    """Every session's events in order, some sessions at a time; again until they are confirmed, under the same ids."""

    async def one(n: int) -> None:
        session_id = SessionId(new_id())
        for version in range(1, count // sessions + 1):
            event = CloudEvent(
                id=f"{session_id}:{version}",
                source="/bench",
                type="session-updated",
                time=datetime.now(UTC),
                sessionid=session_id,
                sessionversion=version,
                tenant="bench",
                data={"n": n},
            )
            while True:
                try:
                    await events.publish([event])
                    break
                except Unavailable:
                    await asyncio.sleep(0.2)

    await for_each(one, range(sessions), limit=AT_ONCE)


async def disturb(stage: Stage, receiver: WebhookReceiver, events: int, kills: int) -> None:
    """Kill each of the three as often, whenever as many more events have come."""
    ways: dict[str, Callable[[], Awaitable[None]]] = {
        "worker": stage.kill_worker,
        "RabbitMQ": stage.kill_broker,
        "mongod": stage.kill_database,
    }
    order = [name for _ in range(kills) for name in ways]
    for n, name in enumerate(order, start=1):
        await receiver.until(partial(_has, receiver, n * events // (len(order) + 2)), 900)
        print(f"  {len(receiver.taken_ids)} have come: SIGKILL of {name}", flush=True)
        await ways[name]()
        stage.killed[name] += 1


def _has(receiver: WebhookReceiver, events: int) -> bool:
    return len(receiver.taken_ids) >= events


def faults(receiver: WebhookReceiver, expected: int) -> list[str]:
    """What of the promises was not kept."""
    first: dict[str, list[int]] = defaultdict(list)
    bodies: dict[str, set[bytes]] = defaultdict(set)
    for one in receiver.received:
        bodies[one.id].add(one.body)
    seen: set[str] = set()
    for one in receiver.taken():
        if one.id not in seen:
            first[one.event["sessionid"]].append(one.event["sessionversion"])
            seen.add(one.id)
    taken = sum(len(versions) for versions in first.values())
    found = [] if taken == expected else [f"{expected - taken} events did not come"]
    disordered = [subject for subject, versions in first.items() if versions != sorted(versions)]
    if disordered:
        found.append(f"{len(disordered)} sessions out of order")
    if many := [id_ for id_, different in bodies.items() if len(different) > 1]:
        found.append(f"{len(many)} ids with several bodies")
    if strange := [one.id for one in receiver.received if one.id != one.event["id"]]:
        found.append(f"{len(strange)} attempts under another id")
    return found


async def run(options: argparse.Namespace) -> int:
    """The whole trial; its exit status."""
    random.seed(options.seed)
    count = options.events // options.sessions * options.sessions
    names, weights = list(MIXED), list(MIXED.values())

    def behave(_path: str, _id: str) -> Behaviour:
        return random.choices(names, weights)[0]

    async with stage() as made, webhook_receiver(behave) as receiver, AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(made.database.url))
        bus = await stack.enter_async_context(open_bus(RabbitSettings(made.broker.url(), "bench")))
        await bus.wait_up(20)
        secret = WebhookSecret(id="first", value=SECRET)
        await Webhooks(database).add(
            Webhook(_id=WebhookId("bench"), tenant="bench", url=receiver.url(), types=["*"], secrets=[secret])
        )
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(publish(bus.events, options.sessions, count))
            tasks.create_task(disturb(made, receiver, count, options.kills))
        await receiver.until(partial(_has, receiver, count), 1800)
        took = time.monotonic() - began
        await asyncio.sleep(3)  # what was taken is noted, or comes once more
        states = await _states(made)
        return report(receiver, made, count, took, states)


async def _states(stage: Stage) -> dict[str, int]:
    async with open_database(stage.database.url) as database:
        found = await database["webhook_deliveries"].aggregate([{"$group": {"_id": "$state", "n": {"$sum": 1}}}])
    return {one["_id"]: one["n"] for one in found}


def report(receiver: WebhookReceiver, stage: Stage, count: int, took: float, states: dict[str, int]) -> int:
    """Print the figures; the exit status."""
    behaviours = Counter(one.behaviour for one in receiver.received)
    repeats = len(receiver.taken()) - len(receiver.taken_ids)
    print(
        f"{count} events in {took:.0f} s, {count / took:.0f}/s; {sum(behaviours.values())} requests: {dict(behaviours)}"
    )
    print(f"killed: {dict(stage.killed)}; taken more than once: {repeats}; deliveries: {states}")
    found = faults(receiver, count)
    if states.get("dead"):
        found.append(f"{states['dead']} deliveries are dead")
    print(
        "FAULTS: " + "; ".join(found) if found else "every event came, in order, under its id; none is dead", flush=True
    )
    return 1 if found else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser("bench.webhooks", description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--kills", type=int, default=3, help="of each of worker, RabbitMQ and mongod")
    parser.add_argument("--seed", type=int, default=1)
    configure_logs("error")
    sys.exit(asyncio.run(run(parser.parse_args())))
