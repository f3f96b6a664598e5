"""A RabbitMQ node that the tests of one file may stop, pause and starve."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cli.machine.rabbitmq import RabbitMQ, rabbitmq
from testkit.servers.servers import Vhost, fresh_vhost


@pytest.fixture(scope="module")
async def own_node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RabbitMQ]:
    """The node; a test leaves it running."""
    directory: Path = tmp_path_factory.mktemp("rabbitmq")
    async with rabbitmq(directory) as node:
        yield node


@pytest.fixture
async def own_vhost(own_node: RabbitMQ) -> AsyncIterator[Vhost]:
    """A virtual host on it."""
    async with fresh_vhost(own_node) as vhost:
        yield vhost
