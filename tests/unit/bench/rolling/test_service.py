"""One address for several pods: spread, kept, and no longer given to those that are gone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from bench.rolling.service import Address, Service, service
from cli.machine.ports import free_port


@contextlib.asynccontextmanager
async def pod(name: str) -> AsyncIterator[Address]:
    """Answers each line with its name."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for _ in reader:
            writer.write(f"{name}\n".encode())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[:2]


class Client:
    """One connection to the service."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self) -> str:
        """Who answers; nothing when the connection is over."""
        self._writer.write(b"who\n")
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(5):
                return (await self._reader.readline()).decode().strip()
        return ""

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


@contextlib.asynccontextmanager
async def client(at: Service) -> AsyncIterator[Client]:
    """A connection for the block."""
    host, _, port = at.url.removeprefix("http://").partition(":")
    made = Client(*await asyncio.open_connection(host, int(port)))
    try:
        yield made
    finally:
        await made.close()


async def test_connections_go_to_every_pod_and_stay_with_theirs() -> None:
    async with pod("a") as a, pod("b") as b, service() as at:
        at.endpoints = {a, b}
        met = set()
        for _ in range(64):
            async with client(at) as one:
                first = await one.ask()
                assert await one.ask() == first
                met.add(first)
        assert met == {"a", "b"}


async def test_a_pod_that_left_keeps_its_connections_and_gets_no_new_ones() -> None:
    async with pod("a") as a, pod("b") as b, service() as at:
        at.endpoints = {a}
        async with client(at) as old:
            assert await old.ask() == "a"
            at.endpoints = {b}
            assert await old.ask() == "a"
            async with client(at) as new:
                assert await new.ask() == "b"


async def test_without_a_pod_connections_are_reset_and_counted() -> None:
    async with service() as at:
        async with client(at) as one:
            assert await one.ask() == ""
        at.endpoints = {("127.0.0.1", free_port())}
        async with client(at) as one:
            assert await one.ask() == ""
        assert at.refused == 2
