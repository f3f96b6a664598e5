"""A pod in a process of its own, that tests can kill and pause: ``python -m testkit.servers.pod_process``."""

import asyncio
import json
import sys
from typing import Any

from callplane.bus.rabbitmq.mailboxes import RabbitMailboxes
from callplane.contracts.errors import Problem, Refusal, Unavailable
from callplane.contracts.ids import ParticipantId
from callplane.store.mongo.database import open_database
from testkit.inprocess.mailboxes import TestPod, pod_on


async def main(path: str, amqp_url: str, mongo_url: str, database_name: str) -> None:
    """Answer polls, one JSON line each, on a Unix socket."""
    async with (
        open_database(mongo_url, database_name) as database,
        pod_on(RabbitMailboxes(amqp_url, "child"), database) as pod,
        asyncio.TaskGroup() as tasks,
    ):

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            async for line in reader:
                tasks.create_task(answer(pod, json.loads(line), writer))

        server = await asyncio.start_unix_server(serve, path, limit=2**24)
        async with server:
            print(json.dumps({"ready": True}), flush=True)
            await server.serve_forever()


async def answer(pod: TestPod, asked: dict[str, Any], writer: asyncio.StreamWriter) -> None:
    """One poll."""
    said: dict[str, Any] = {"n": asked["n"]}
    try:
        batch = await pod.poll(ParticipantId(asked["participant"]), asked["ack"], asked["wait"], asked["most"])
        said["received"] = [[one.token, one.body.decode()] for one in batch.received]
    except Refusal as refusal:
        said["problem"] = refusal.problem.model_dump()
    except Unavailable:
        said["problem"] = Problem(code="unavailable").model_dump()
    writer.write(json.dumps(said).encode() + b"\n")
    await writer.drain()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
