"""The programs that the tests of one file share: each leaves every server up, in use, and without a session."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest

from cli.machine.mongod import Mongod
from cli.machine.rabbitmq import RabbitMQ
from testkit.clients.calls import KEY
from testkit.crashes.leak_check import pipelines
from testkit.servers.open_context import open_context
from testkit.servers.programs import Cluster, Size, cluster
from testkit.servers.servers import Servers, fresh_database, fresh_vhost
from testkit.servers.until import until


@asynccontextmanager
async def programs(node: RabbitMQ, server: Mongod, size: Size, settings: dict[str, str]) -> AsyncIterator[Cluster]:
    """Programs on corners of their own."""
    async with (
        fresh_vhost(node) as vhost,
        fresh_database(server) as database,
        cluster(Servers(vhost, database), size, **settings) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def shared(request: pytest.FixtureRequest, rabbitmq_node: RabbitMQ, mongod_server: Mongod) -> Iterator[Cluster]:
    """As many programs as the file's SIZE says, with its SETTINGS."""
    opening = programs(rabbitmq_node, mongod_server, request.module.SIZE, request.module.SETTINGS)
    # In a loop of its own, which stands still meanwhile: the programs are processes, and nothing here waits for them.
    with asyncio.Runner() as runner, open_context(runner, opening) as made:
        yield made


@pytest.fixture
async def machines(shared: Cluster) -> AsyncIterator[Cluster]:
    """The programs; what a test did to the media servers is made good after it."""
    try:
        yield shared
    finally:
        shared.show_logs()
        await _made_good(shared)


async def _made_good(machines: Cluster) -> None:
    for server in machines.media_servers:
        server.resume()
        if server.process.returncode is not None:
            await server.restart()
    async with httpx.AsyncClient(base_url=machines.apis[0].url, headers=KEY, timeout=15, trust_env=False) as http:
        for session in (await http.get("/sessions?status=open")).json()["sessions"]:
            await http.delete(f"/sessions/{session['id']}")
        for server in (await http.get("/media-servers")).json()["media_servers"]:
            await http.patch(f"/media-servers/{server['name']}", json={"cordoned": False})
        await until(partial(_as_at_first, machines, http), 30)


async def _as_at_first(machines: Cluster, http: httpx.AsyncClient) -> bool:
    """Whether every media server takes sessions and has none."""
    shown = (await http.get("/media-servers")).json()["media_servers"]
    if any(server["state"] != "up" or server["cordoned"] for server in shown):
        return False
    return not any([await pipelines(server.url) for server in machines.media_servers])
