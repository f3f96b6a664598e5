"""Doors of a mailbox as the client opens them: what each makes of frames, events, ends and silence."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio.to_thread
import httpx
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from callplane_client import AsyncWay, Refused, Unreachable
from callplane_client.aio.doors import AsyncPollDoor, AsyncSocketDoor, AsyncStreamDoor
from callplane_client.aio.http import AsyncCaller, AsyncHttp
from callplane_client.asking import Credential
from callplane_client.blocking.doors import SocketDoor
from callplane_client.blocking.http import Caller, Http, Way
from callplane_client.events import EventLines, ServerEvent
from cli.machine.ports import free_port

MESSAGE = {"id": "1", "type": "signal", "session_id": "s", "version": None, "at": "2026-01-05T09:00:00Z", "data": {}}
MINE = Credential(token="mine")


def asking(handle: Callable[[httpx.Request], httpx.Response]) -> AsyncCaller:
    return AsyncCaller(AsyncHttp(["http://calls.test"], AsyncWay(transport=httpx.MockTransport(handle))), MINE)


@asynccontextmanager
async def socket_server(talk: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[AsyncCaller]:
    """A server that talks so, and who asks it."""
    async with serve(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield AsyncCaller(AsyncHttp([f"http://127.0.0.1:{port}"], AsyncWay()), MINE)


async def test_a_poll_says_what_was_dealt_with_and_how_long_it_waits() -> None:
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"messages": [MESSAGE], "ack": "1"})

    batch = await AsyncPollDoor(asking(handle)).next("0", 60)
    assert (batch.messages[0].id, batch.ack) == ("1", "1")
    assert dict(asked[0].url.params) == {"ack": "0", "wait": "25.0", "max": "200"}
    assert asked[0].headers["authorization"] == "Bearer mine"


async def test_a_stream_gives_events_beats_and_why_it_ends() -> None:
    end = json.dumps({"code": "poll-replaced", "status": 409})
    told = f"retry: 1000\n\nid: 7\ndata: {json.dumps(MESSAGE)}\n\n"
    text = f"{told}: \nevent: beat\ndata: {{}}\n\nevent: end\ndata: {end}\n\n"
    door = AsyncStreamDoor(asking(lambda _: httpx.Response(200, text=text)))
    first, beat = await door.next(None, 5), await door.next("7", 5)
    assert ([one.id for one in first.messages], first.ack, beat.messages, beat.ack) == (["1"], "7", [], None)
    with pytest.raises(Refused) as refused:
        await door.next("7", 5)
    assert refused.value.code == "poll-replaced"
    assert door.spoke


async def test_a_stream_that_ends_is_opened_again_behind_what_was_dealt_with() -> None:
    asked: list[str | None] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get("ack"))
        return httpx.Response(200, text=f"id: {len(asked)}\ndata: {json.dumps(MESSAGE)}\n\n")

    door = AsyncStreamDoor(asking(handle))
    acks = []
    ack: str | None = None
    for _ in range(4):
        batch = await door.next(ack, 5)
        ack = batch.ack or ack
        acks.append(batch.ack)
    assert acks == ["1", None, "2", None]
    assert asked == [None, "1"]


@pytest.mark.parametrize("door", [AsyncStreamDoor, AsyncPollDoor])
async def test_a_seat_that_is_gone_is_told_by_its_problem(door: type[AsyncStreamDoor | AsyncPollDoor]) -> None:
    gone = httpx.Response(410, json={"code": "join-again", "status": 410, "reason": "kicked"})
    with pytest.raises(Refused) as refused:
        await door(asking(lambda _: gone)).next(None, 5)
    assert (refused.value.is_gone, refused.value.reason) == (True, "kicked")


async def test_somebody_between_who_lets_no_stream_through_is_trouble_and_no_refusal() -> None:
    with pytest.raises(Unreachable):
        await AsyncStreamDoor(asking(lambda _: httpx.Response(403, text="<html>"))).next(None, 5)


async def test_a_socket_acknowledges_what_was_dealt_with() -> None:
    heard: list[str] = []
    where: list[str] = []

    async def talk(socket: ServerConnection) -> None:
        assert socket.request is not None
        where.append(socket.request.path)
        assert socket.request.headers["Authorization"] == "Bearer mine"
        await socket.send(json.dumps({"messages": [MESSAGE], "ack": "1"}))
        heard.append(str(await socket.recv()))
        await socket.close(4409, "poll-replaced")

    async with socket_server(talk) as caller:
        door = AsyncSocketDoor(caller)
        assert (await door.next("0", 5)).ack == "1"
        with pytest.raises(Refused) as refused:
            await door.next("1", 5)
    assert (refused.value.status, refused.value.code) == (409, "poll-replaced")
    assert (where, heard) == (["/v1/messages/socket?ack=0"], ['{"ack": "1"}'])


async def test_a_socket_that_is_closed_to_be_opened_again_is_no_trouble() -> None:
    opened: list[None] = []

    async def talk(socket: ServerConnection) -> None:
        opened.append(None)
        if len(opened) == 1:
            await socket.close(4000, "unacknowledged")
        else:
            await socket.send(json.dumps({"messages": [MESSAGE], "ack": "1"}))
            await socket.wait_closed()

    async with socket_server(talk) as caller:
        door = AsyncSocketDoor(caller)
        assert (await door.next(None, 5)).messages == []
        assert len((await door.next(None, 5)).messages) == 1
        assert (await door.next("1", 0.01)).messages == []
        await door.aclose()


@pytest.mark.parametrize(("status", "body"), [(403, b"<html>"), (502, b""), (200, b"a page")])
async def test_somebody_between_who_lets_no_socket_through_is_trouble(status: int, body: bytes) -> None:
    async def between(_: ServerConnection, request: Request) -> Response:
        return Response(status, "So", Headers([("Content-Length", str(len(body)))]), body)

    async def never(_: ServerConnection) -> None:
        raise AssertionError

    async with serve(never, "127.0.0.1", 0, process_request=between) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Unreachable):
            await AsyncSocketDoor(AsyncCaller(AsyncHttp([f"http://127.0.0.1:{port}"], AsyncWay()), MINE)).next(None, 5)


async def test_the_blocking_socket_reads_as_the_other_does() -> None:
    async def talk(socket: ServerConnection) -> None:
        await socket.send(json.dumps({"messages": [MESSAGE], "ack": "1"}))
        await socket.recv()
        await socket.close(4410, "join-again: kicked")

    async with socket_server(talk) as caller:
        door = SocketDoor(Caller(Http([caller.http.url], Way()), MINE))
        assert (await anyio.to_thread.run_sync(door.next, None, 5.0)).ack == "1"
        with pytest.raises(Refused) as refused:
            await anyio.to_thread.run_sync(door.next, "1", 5.0)
    assert (refused.value.is_gone, refused.value.reason) == (True, "kicked")


async def test_nobody_at_the_address_is_trouble() -> None:
    caller = AsyncCaller(AsyncHttp([f"http://127.0.0.1:{free_port()}"], AsyncWay()), MINE)
    with pytest.raises(Unreachable):
        await AsyncSocketDoor(caller).next(None, 5)


def test_events_are_read_as_html_says() -> None:
    read = EventLines()
    lines = [": comment", "", "id: 1", "data: a", "data:b", "", "event: beat", "data: {}", "", "id: 9", ""]
    found = [event for line in lines if (event := read.feed(line))]
    assert found == [ServerEvent("message", "a\nb", "1"), ServerEvent("beat", "{}", None)]
