"""Events as the client reads them: through every cut, each once, and those alone that it asked for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from api.dispatch import event_readers
from api.streaming import event_stream
from callplane.contracts.ids import SessionId
from callplane_client import AsyncCallplane, AsyncWay, Refused, Retries, Unreachable
from testkit.fakes.asgi import KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.inprocess.streams import happened
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of

EVENT = (
    '{"specversion":"1.0","id":"s:%d","type":"media-ready","time":"2026-01-05T09:30:00Z",'
    '"sessionid":"s","actor":"callplane","data":{}}'
)
AWAY = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n"
COMPLETE = b"event: complete\ndata: {}\n\n"


def event(n: int) -> bytes:
    return f"id: {n}-00000000\ndata: {EVENT % n}\n\n".encode()


def beat(n: int) -> bytes:
    return f"id: {n}-00000000\n: \nevent: beat\ndata: {{}}\n\n".encode()


@asynccontextmanager
async def cut(*answers: bytes) -> AsyncIterator[tuple[AsyncCallplane, list[str]]]:
    """A server whose answers end in the middle, the last one apart; and behind what each request wanted to go on."""
    asked: list[str] = []
    left = list(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        asked.append(next((line.partition(": ")[2] for line in lines if line.startswith("last-event-id")), ""))
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        body = left.pop(0)
        writer.write(body if body.startswith(b"HTTP") else head + body)
        writer.close()

    way = AsyncWay(Retries(base=0, cap=0))
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with AsyncCallplane(url, api_key="k", way=way) as callplane:
            yield callplane, asked


async def test_a_cut_interrupts_nothing_and_repeats_nothing() -> None:
    answers = (event(0) + event(1)[:20], AWAY, event(1) + event(2) + beat(3), event(4) + COMPLETE)
    async with cut(*answers) as (callplane, asked):
        stream = callplane.events.stream("first", follow=False)
        assert [one.id async for one in stream] == ["s:0", "s:1", "s:2", "s:4"]
        assert (stream.cursor, stream.gaps) == ("4-00000000", 0)
    assert asked == ["", "0-00000000", "0-00000000", "3-00000000"]


async def test_what_was_given_is_dealt_with_when_the_next_is_asked_for() -> None:
    async with cut(event(0) + event(1), event(1) + COMPLETE) as (callplane, asked):
        first = callplane.events.stream("first", follow=False)
        assert [(await anext(first)).id, (await anext(first)).id] == ["s:0", "s:1"]
        await first.aclose()
        assert first.cursor == "0-00000000"
        second = callplane.events.stream(after=first.cursor, follow=False)
        assert [one.body for one in await second.batch()] == [EVENT % 1]
        assert list(await second.batch()) == []
    assert asked == ["", "0-00000000"]


async def test_a_beat_before_an_event_moves_nobody_back() -> None:
    async with cut(beat(3) + event(4), COMPLETE) as (callplane, asked):
        assert [one.id async for one in callplane.events.stream(follow=False)] == ["s:4"]
    assert asked == ["", "4-00000000"]


async def test_a_gap_and_an_end_are_told() -> None:
    gap = b"event: resync-required\ndata: {}\n\n"
    end = b'event: end\ndata: {"status": 403, "code": "forbidden"}\n\n'
    async with cut(gap + event(7) + end) as (callplane, _):
        stream = callplane.events.stream(after="1-00000000")
        assert (await anext(stream)).id == "s:7"
        assert stream.gaps == 1
        with pytest.raises(Refused, match="forbidden"):
            await anext(stream)


async def test_what_is_refused_is_raised_and_trouble_when_it_has_no_end() -> None:
    async with cut(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n", AWAY, AWAY) as (callplane, asked):
        with pytest.raises(Refused, match="403"):
            await callplane.events.stream().batch()
        stream = callplane.events.stream()
        stream.patience = 0
        with pytest.raises(Unreachable, match="503"):
            await stream.batch()
    assert len(asked) == 3


async def test_those_alone_come_that_were_asked_for(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "QUIET_SECONDS", 0.01)  # a stream in this process has nothing under way
    monkeypatch.setattr(event_readers, "NEWEST_WITHIN", 0.05)
    await session_of(database, tenant="tests")
    bus, s = ScriptedBus(), SessionId("s")
    types = ("media-lost", "media-ready", "session-closed")
    await bus.events.publish([happened(s, n, type_, tenant="tests") for n, type_ in enumerate(types, 1)])
    await bus.events.publish([happened(SessionId("t"), 1, "media-lost", tenant="tests")])
    async with api(settings_for(database), bus) as it:
        way = AsyncWay(Retries(patience=0), httpx.ASGITransport(it.program.asgi))
        async with AsyncCallplane("http://127.0.0.1:8080", api_key=KEY, way=way) as callplane:
            stream = callplane.events.stream("first", type=["media-lost", "session-closed"], session="s", follow=False)
            found = [one async for one in stream]
            assert [one async for one in callplane.events.of_session("s")] == []
    assert [(one.type, one.session_id, one.version) for one in found] == [
        ("media-lost", "s", 1),
        ("session-closed", "s", 3),
    ]
