"""SIGTERM while a server does not answer: the programs still end in time (design 7.2, and 10's rolling restart)."""

import asyncio
import time

import pytest

from cli.machine.mongod import Mongod
from cli.machine.rabbitmq import RabbitMQ
from testkit.servers.programs import Program, Size, cluster
from testkit.servers.servers import Servers

SECONDS = 2.0


@pytest.mark.long
@pytest.mark.parametrize("away", ["rabbitmq", "mongod"])
async def test_programs_end_in_time_while_a_server_is_silent(
    servers: Servers, rabbitmq_node: RabbitMQ, mongod_server: Mongod, away: str
) -> None:
    server = rabbitmq_node if away == "rabbitmq" else mongod_server
    async with cluster(servers, Size(apis=1, wrappers=1)) as c:
        server.pause()
        try:
            await asyncio.sleep(1.5)  # Whatever sweeps each second is waiting for an answer by now.
            took = await asyncio.gather(*(_ends(program) for program in (*c.apis, *c.wrappers)))
        finally:
            server.resume()
        assert max(took) < SECONDS, took
        assert [program.process.returncode for program in (*c.apis, *c.wrappers)] == [0, 0]


async def _ends(program: Program) -> float:
    began = time.monotonic()
    await program.terminate()
    return time.monotonic() - began
