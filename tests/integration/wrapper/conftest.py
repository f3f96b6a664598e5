"""Wrappers that the tests of a file share: starting them takes longer than most of what is asked of them."""

from collections.abc import AsyncIterator

import pytest

from cli.machine.mongod import Mongod
from cli.machine.rabbitmq import RabbitMQ
from testkit.inprocess.wrappers import RunningWrappers, running_wrappers
from testkit.servers.servers import Servers, fresh_database, fresh_vhost


@pytest.fixture(scope="module", name="r")
async def shared(rabbitmq_node: RabbitMQ, mongod_server: Mongod) -> AsyncIterator[RunningWrappers]:
    """Two, with a media server; a test leaves them as they are, and looks at sessions of its own alone."""
    async with (
        fresh_vhost(rabbitmq_node) as vhost,
        fresh_database(mongod_server) as database,
        running_wrappers(Servers(vhost, database)) as running,
    ):
        yield running
