"""What every test shares: the event loop, one RabbitMQ and one mongod for the run, a fresh corner of each per test."""

import asyncio
import functools
import ssl
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings

from cli.machine.mongod import Mongod
from cli.machine.ports import free_port, free_ports
from cli.machine.rabbitmq import RabbitMQ
from cli.machine.rabbitmq_cluster import RabbitCluster
from cli.machine.replica_set import ReplicaSet
from cli.machine.rundir import run_directory
from testkit import isolation
from testkit.servers.clusters import ClusterVhost, SetDatabase, database_of, repaired, vhost_of
from testkit.servers.servers import Database, Servers, Vhost, fresh_database, fresh_vhost
from tests.order import LongFilesFirst, path_of, rank


def pytest_configure(config: pytest.Config) -> None:
    """Let each test fail alone, laws take their time, and read the certificates of all the world once.

    How long an example takes, or is made, is the machine's affair: one that stands still for a moment breaks no law.
    Each client of httpx would, for 26 ms of processor time; all that is asked here is asked on 127.0.0.1 without TLS.
    """
    config.pluginmanager.register(isolation)
    settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("any machine")
    ssl.create_default_context = functools.cache(ssl.create_default_context)  # type: ignore[assignment]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by file; the order within a file stays. An id is the same in every process: workers compare them."""
    if strange := [item.nodeid for item in items if " at 0x" in item.nodeid]:
        raise pytest.UsageError(f"give these tests ids without an address in memory: {strange}")
    items.sort(key=lambda item: rank(path_of(item)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LongFilesFirst | None:
    """Which worker gets which file (``make test``)."""
    return LongFilesFirst(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run async tests on asyncio, the only loop that Callplane supports."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A test that runs a program's beginning configures logs: for what it captured, which is closed after it."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def servers_directory() -> Iterator[Path]:
    """Where the servers of this run keep their files."""
    with run_directory() as path:
        yield path


# The servers are started from loops of their own: an async fixture of the session would keep one loop for all tests,
# and the first that runs into its time limit would take the others down with it.
@pytest.fixture(scope="session")
def rabbitmq_node(servers_directory: Path) -> Iterator[RabbitMQ]:
    """The RabbitMQ node of the run, for tests that leave it as they found it."""
    node = RabbitMQ(servers_directory / "rabbitmq", *free_ports(3))
    try:
        asyncio.run(node.start())
        yield node
    finally:
        asyncio.run(node.stop())


@pytest.fixture(scope="session")
def mongod_server(servers_directory: Path) -> Iterator[Mongod]:
    """The mongod of the run, for tests that leave it as they found it."""
    server = Mongod(servers_directory / "mongod", free_port())
    try:
        asyncio.run(server.start())
        yield server
    finally:
        asyncio.run(server.stop())


@pytest.fixture(scope="session")
def dropping(mongod_server: Mongod) -> Iterator[Executor]:
    """A thread that drops the databases of the tests before, while the next one runs."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture(scope="session")
def rabbitmq_cluster(servers_directory: Path) -> Iterator[RabbitCluster]:
    """Two RabbitMQ nodes for the tests of the run that stop, kill, pause and part them."""
    cluster = RabbitCluster(servers_directory / "rabbitmq-cluster", count=2, tick=8)
    try:
        asyncio.run(repaired(cluster))
        yield cluster
    finally:
        asyncio.run(cluster.stop())


@pytest.fixture(scope="session")
def replica_set(servers_directory: Path) -> Iterator[ReplicaSet]:
    """A replica set of three mongods for the tests of the run that stop, kill and pause them."""
    members = ReplicaSet(servers_directory / "replica-set", count=3, election=2.0)
    try:
        asyncio.run(repaired(members))
        yield members
    finally:
        asyncio.run(members.stop())


@pytest.fixture
async def vhost(rabbitmq_node: RabbitMQ) -> AsyncIterator[Vhost]:
    """A virtual host of the test's own."""
    async with fresh_vhost(rabbitmq_node) as fresh:
        yield fresh


@pytest.fixture
async def cluster_vhost(rabbitmq_cluster: RabbitCluster) -> AsyncIterator[ClusterVhost]:
    """A virtual host of the test's own on the cluster, all of which runs when the test begins."""
    async with vhost_of(rabbitmq_cluster) as fresh:
        yield fresh


@pytest.fixture
async def set_database(replica_set: ReplicaSet) -> AsyncIterator[SetDatabase]:
    """A database of the test's own on the replica set, all of which runs when the test begins."""
    async with database_of(replica_set) as fresh:
        yield fresh


@pytest.fixture
def broker_url(vhost: Vhost) -> str:
    """The AMQP address of a virtual host of the test's own."""
    return vhost.url


@pytest.fixture
async def database(mongod_server: Mongod, dropping: Executor) -> AsyncIterator[Database]:
    """A MongoDB database of the test's own."""
    async with fresh_database(mongod_server, dropping) as fresh:
        yield fresh


@pytest.fixture
def database_url(database: Database) -> str:
    """The address of the mongod; the database's name is ``database.name``."""
    return database.url


@pytest.fixture
def servers(vhost: Vhost, database: Database) -> Servers:
    """Both, for tests that run whole programs."""
    return Servers(vhost, database)
