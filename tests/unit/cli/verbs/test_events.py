"""`callplane events`: what is shown of the stream, and that a cut interrupts nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from callplane_client import AsyncCallplane
from cli import __main__ as command
from cli.event_reader import EventReader
from cli.verbs.server import Failed, Server
from testkit.fakes.asgi import KEY
from testkit.inprocess.whole import whole
from testkit.servers.servers import Database

EVENT = '{"specversion":"1.0","id":"s:%d","type":"media-ready","time":"2026-01-05T09:30:00Z","data":{}}'


@asynccontextmanager
async def cut(*answers: bytes) -> AsyncIterator[tuple[Server, list[bytes]]]:
    """A server whose answers end in the middle, the last one apart; and the requests that it had."""
    asked: list[bytes] = []
    left = list(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        body = left.pop(0)
        writer.write(body if body.startswith(b"HTTP") else head + body)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield Server(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "k"), asked


async def bodies(server: Server) -> list[str]:
    """The ids of what is read."""
    async with aclosing(EventReader(server, {"from": "first", "follow": "false"}).batches()) as reading:
        return [json.loads(one.body)["id"] async for batch in reading for one in batch]


async def test_events_are_shown_for_people_and_for_programs(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    async with whole(database) as url, AsyncCallplane(url, api_key=KEY) as callplane:
        asked = ["--url", url, "--api-key", KEY]
        tail = ["events", "tail", "--from", "first", "--count", "2", "--type", "session-created", *asked]
        tailing = asyncio.ensure_future(asyncio.to_thread(command.main, tail))
        sessions = [await callplane.sessions.create() for _ in range(2)]
        await callplane.sessions.close(sessions[0].id, reason="\x1b[31mred")
        assert await tailing == 0
        replay = ["events", "replay", "--session", sessions[0].id, *asked]
        assert await asyncio.to_thread(command.main, [*replay, "--json"]) == 0
        assert await asyncio.to_thread(command.main, replay) == 0
        assert await asyncio.to_thread(command.main, ["events", "replay", "--session", "nobody", *asked]) == 1
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert sum("session-created" in line and not line.startswith("{") for line in lines) == 3
    assert [json.loads(line)["sessionversion"] for line in lines if line.startswith("{")] == [1, 2]
    assert "\x1b[31m" not in told.out
    assert "no such session" in told.err.lower()


async def test_a_cut_interrupts_nothing_and_repeats_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.event_reader.PAUSE", 0.01)
    events = [f"id: {n}-00000000\ndata: {EVENT % n}\n\n".encode() for n in range(5)]
    beat = b": \nid: 3-00000000\nevent: beat\ndata: {}\n\n"
    away = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n"
    last = events[4] + b"event: complete\ndata: {}\n\n"
    async with cut(events[0] + events[1][:20], away, events[1] + events[2] + beat, last) as (server, asked):
        assert await bodies(server) == ["s:0", "s:1", "s:2", "s:4"]
    said = [line for request in asked for line in request.split(b"\r\n") if line.lower().startswith(b"last-event-id")]
    assert [line.split(b": ")[1] for line in said] == [b"0-00000000", b"0-00000000", b"3-00000000"]


async def test_what_is_refused_is_one_sentence() -> None:
    refused = b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n"
    async with cut(refused) as (server, _):
        with pytest.raises(Failed, match="403"):
            await bodies(server)
