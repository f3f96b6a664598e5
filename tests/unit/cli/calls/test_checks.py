"""Checks of a deployment: what works is said to work, and each failure has its sentence and a way on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from callplane_client import AsyncCallplane, AsyncWay, Retries
from cli.calls import checks
from cli.calls.checks import Deployment, Found, checked, deployment
from cli.machine.ports import free_port
from testkit.fakes.asgi import KEY
from testkit.inprocess.whole import whole
from testkit.servers.servers import Database

ONCE = AsyncWay(Retries(patience=0))


async def found(name: str, url: str, key: str = KEY) -> Found:
    async with AsyncCallplane(url, api_key=key, way=ONCE) as callplane:
        return await checked(name, Deployment(url, callplane))


@asynccontextmanager
async def answering(head: str, body: str = "{}") -> AsyncIterator[str]:
    """A server that says the same to everything."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_what_works_is_said_to_work_and_nothing_is_left(database: Database) -> None:
    async with whole(database) as url, AsyncCallplane(url, api_key=KEY, way=ONCE) as callplane:
        async with deployment(url, callplane) as it:
            names = [name for name in checks.ALL if name != "media"]  # there is no media server here
            told = [await checked(name, it) for name in names]
        assert [(one.name, one.ok, one.way_on) for one in told] == [
            *((name, True, "") for name in names[:-1]),
            ("turn", None, ""),
        ], told
        assert [one async for one in callplane.sessions.list(status="open")] == []


async def test_nobody_there_is_told_with_a_way_on() -> None:
    told = await found("health", f"http://127.0.0.1:{free_port()}")
    assert (told.ok, "no answer" in told.detail, "firewall" in told.way_on) == (False, True, True)


async def test_a_wrong_key_is_told_with_a_way_on(database: Database) -> None:
    async with whole(database) as url:
        told = await found("session", url, key="another")
    assert (told.ok, "401" in told.detail, "--api-key" in told.way_on) == (False, True, True)


@pytest.mark.parametrize(("ahead", "ok", "words"), [(0, True, "apart"), (90, False, "behind"), (-90, False, "ahead")])
async def test_clocks_are_compared(ahead: int, ok: bool, words: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
    async with answering(f"200 OK\r\nDate: {date}") as url:
        told = await found("clock", url)
    assert (told.ok, words in told.detail, "NTP" in told.way_on) == (ok, True, not ok)


@asynccontextmanager
async def proxy_without_sockets(target: str) -> AsyncIterator[str]:
    """A proxy that passes everything on but the opening of a WebSocket."""
    host, port = target.removeprefix("http://").split(":")

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"upgrade: websocket" in head.lower():
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            writer.close()
            return
        other_reader, other_writer = await asyncio.open_connection(host, int(port))
        other_writer.write(head)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(copy(reader, other_writer))
            tasks.create_task(copy(other_reader, writer))

    async with await asyncio.start_server(pass_on, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_door_that_a_proxy_keeps_shut_is_told_with_what_to_tell_the_proxy(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "ANSWER_SECONDS", 2)
    async with (
        whole(database) as direct,
        proxy_without_sockets(direct) as url,
        AsyncCallplane(url, api_key=KEY, way=ONCE) as callplane,
        deployment(url, callplane) as it,
    ):
        told = [await checked(name, it) for name in ("session", "websocket", "poll")]
    assert [one.ok for one in told] == [True, False, True], told
    assert "WebSocket upgrades" in told[1].way_on


async def test_a_turn_server_that_says_nothing_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "ANSWER_SECONDS", 0.2)
    settings = {"turn_urls": f"turn:127.0.0.1:{free_port()}", "turn_secret": "s" * 32}
    async with (
        whole(database, **settings) as url,
        AsyncCallplane(url, api_key=KEY, way=ONCE) as callplane,
        deployment(url, callplane) as it,
    ):
        await checked("session", it)
        told = await checked("turn", it)
    assert (told.ok, settings["turn_urls"] in told.detail, "UDP" in told.way_on) == (False, True, True), told
