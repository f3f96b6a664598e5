"""The real servers of a test: a virtual host of its own on the run's RabbitMQ, a database of its own on its mongod."""

import contextlib
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pymongo import AsyncMongoClient, MongoClient
from pymongo.errors import PyMongoError

from cli.machine.erlang import Shell
from cli.machine.mongod import Mongod
from cli.machine.rabbitmq import RabbitMQ


@dataclass(frozen=True)
class Vhost:
    """A virtual host that nobody else uses, so that no test consumes another's queues."""

    node: RabbitMQ
    name: str

    @property
    def url(self) -> str:
        """The AMQP address, credentials included."""
        return self.node.url(self.name)

    @property
    def shell(self) -> Shell:
        """The Erlang shell of a node that has it."""
        return self.node.shell

    async def queues(self) -> dict[str, int]:
        """Every queue with the number of its messages, unacknowledged ones included."""
        rows = await self.shell.ask(
            f"[#{{name => N, messages => M}} || [{{name, {{resource, _, queue, N}}}}, {{messages, M}}]"
            f" <- rabbit_amqqueue:info_all({self._binary}, [name, messages])]"
        )
        return {row["name"]: row["messages"] for row in rows}

    async def consumers(self) -> dict[str, int]:
        """Every queue with the number of its consumers."""
        rows = await self.shell.ask(
            f"[#{{name => N, consumers => C}} || [{{name, {{resource, _, queue, N}}}}, {{consumers, C}}]"
            f" <- rabbit_amqqueue:info_all({self._binary}, [name, consumers])]"
        )
        return {row["name"]: row["consumers"] for row in rows}

    async def exchanges(self) -> set[str]:
        """Every exchange but RabbitMQ's own."""
        names = await self.shell.ask(
            f"[N || [{{name, {{resource, _, exchange, N}}}}] <- rabbit_exchange:info_all({self._binary}, [name])]"
        )
        return {name for name in names if name and not name.startswith("amq.")}

    async def create(self) -> None:
        """Make it, for the user that every address names."""
        await self.shell.ask(
            f'rabbit_vhost:add({self._binary}, <<"tests">>), rabbit_auth_backend_internal:set_permissions('
            f'<<"guest">>, {self._binary}, <<".*">>, <<".*">>, <<".*">>, <<"tests">>), true'
        )

    async def delete(self) -> None:
        """Delete it with all that is in it; its connections are closed."""
        await self.shell.ask(f'rabbit_vhost:delete({self._binary}, <<"tests">>), true')

    @property
    def _binary(self) -> str:
        return f'<<"{self.name}">>'


@dataclass(frozen=True)
class Database:
    """A MongoDB database that nobody else uses."""

    server: Mongod
    name: str

    @property
    def address(self) -> str:
        """The address of the server, for programs; the name goes beside it."""
        return self.server.url

    @property
    def url(self) -> str:
        """The same for clients inside a test."""
        # A client that is closed while it opens its second, streaming monitor leaves that socket open (PyMongo 4.20
        # does not close it when cancelled). Tests close theirs after milliseconds; polling has no second one.
        return f"{self.address}&serverMonitoringMode=poll"

    async def counts(self) -> dict[str, int]:
        """The number of documents in each collection."""
        async with self.client() as client:
            database = client[self.name]
            names = await database.list_collection_names()
            return {name: await database[name].count_documents({}) for name in names}

    async def documents(self, collection: str) -> list[dict[str, Any]]:
        """Every document of a collection, as it lies there."""
        async with self.client() as client:
            return await client[self.name][collection].find().to_list()

    async def write(self, collection: str, *documents: dict[str, Any]) -> None:
        """Put documents into a collection, whatever our programs would say of them."""
        async with self.client() as client:
            await client[self.name][collection].insert_many(documents)

    def client(self) -> AsyncMongoClient[dict[str, Any]]:
        """A client of the caller's own: ``async with database.client() as client``."""
        return AsyncMongoClient(self.url, serverSelectionTimeoutMS=5_000)

    async def drop(self) -> None:
        """Delete it."""
        async with self.client() as client:
            await client.drop_database(self.name)

    def drop_soon(self, beside: Executor) -> None:
        """Delete it in another thread: mongod takes a tenth of a second for that, whatever is in it."""
        beside.submit(_dropped, self.url, self.name)


@dataclass(frozen=True)
class Servers:
    """What the programs of one test run on."""

    vhost: Vhost
    database: Database


@contextlib.asynccontextmanager
async def fresh_vhost(node: RabbitMQ) -> AsyncIterator[Vhost]:
    """A new virtual host for the block."""
    vhost = Vhost(node, f"test-{uuid.uuid4().hex[:12]}")
    await vhost.create()
    try:
        yield vhost
    finally:
        # A test that left the node down has nothing that could be deleted.
        if node.process.returncode is None:
            await vhost.delete()


@contextlib.asynccontextmanager
async def fresh_database(server: Mongod, beside: Executor | None = None) -> AsyncIterator[Database]:
    """A new database for the block; with ``beside`` nobody waits until it is gone again."""
    database = Database(server, f"test_{uuid.uuid4().hex[:12]}")
    try:
        yield database
    finally:
        if server.process.returncode is None:
            if beside is None:
                await database.drop()
            else:
                database.drop_soon(beside)


def _dropped(url: str, name: str) -> None:
    # What a test leaves is nobody's: a server that the next test has stopped takes its databases with it.
    with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=5_000) as client, suppress(PyMongoError):
        client.drop_database(name)
