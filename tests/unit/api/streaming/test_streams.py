"""Streams as bytes: the form of events, heartbeats, clients that do not read, and how each kind of end is told."""

import asyncio
import json
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from api.http import slow_clients
from api.mailboxes.subscription import Subscription
from api.mailboxes.timing import Timing
from api.mailboxes.unacked import Batch
from api.streaming.sse import BEAT, EventStream, events
from callplane.bus.mailbox_ports import Publication
from callplane.bus.memory.mailboxes import MemoryMailboxes
from callplane.contracts.messages import Message
from testkit.clients.transports import events_of, opened_socket
from testkit.inprocess.mailboxes import FAST, S, Scene, memory_scene
from testkit.servers.machine_time import within
from testkit.servers.servers import Database
from tests.integration.mailboxes.test_over_http import ANN, Served, served


def test_a_message_is_one_event_whatever_it_holds() -> None:
    """A line break in it would end its line: each line is a ``data`` field, which the reader joins again."""
    batch = Batch((Publication("t1", b'{"id":"1"}'), Publication("t2", b'{"a":\r\n"b"}')))
    assert events(batch) == b'id: t1\ndata: {"id":"1"}\n\nid: t2\ndata: {"a":\ndata: "b"}\n\n'
    assert events(Batch()) == b""


class Wire:
    """An ASGI client that takes everything and never leaves."""

    def __init__(self) -> None:
        self.status = 0
        self.chunks: list[bytes] = []
        self.ended = False

    async def send(self, message) -> None:
        self.status = message.get("status", self.status)
        if message["type"] == "http.response.body":
            self.chunks.append(message["body"])
            self.ended = not message["more_body"]

    async def receive(self):
        await asyncio.Event().wait()


@asynccontextmanager
async def streaming(scene: Scene, timing: Timing) -> AsyncIterator[Wire]:
    """One event stream of a pod with these delays, until it ends by itself."""
    wire = Wire()
    async with scene.pod(timing) as pod, asyncio.timeout(10):
        subscription = Subscription(pod.poll_router, (S, ANN), None)
        answer = EventStream(subscription, await subscription.next(0), timing)
        scope = {"type": "http", "path": "/messages/stream", "callplane.request_id": "r-1"}
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(answer(scope, wire.receive, wire.send))
            yield wire
            await task


async def test_silence_is_broken_by_comments_and_what_is_unread_ends_it(database: Database) -> None:
    """Without an ``end`` event: the client opens it again, and acknowledges."""
    async with memory_scene(database) as scene:
        await scene.seat(ANN)
        await scene.publisher.to(ANN, "1")
        async with streaming(scene, replace(FAST, stream_beat=0.1, stream_unread=0.55)) as wire:
            pass
    assert (wire.status, wire.ended) == (200, True)
    assert wire.chunks[0].startswith(b"retry: 1000\n\nid: ")
    assert wire.chunks[1:-1] in ([BEAT] * 5, [BEAT] * 6)
    assert wire.chunks[-1] == b""


async def test_an_end_that_a_poll_would_hear_of_is_an_event(database: Database) -> None:
    """With the members of a problem body."""
    async with memory_scene(database) as scene:
        await scene.seat(ANN)
        async with streaming(scene, FAST) as wire:
            await asyncio.sleep(0.1)
            await scene.attachments.end(ANN, "kicked")
            await scene.publisher.delete(ANN)
    kind, data = wire.chunks[-1].decode().strip().split("\n")
    problem = json.loads(data.removeprefix("data: "))
    assert kind == "event: end"
    assert (problem["code"], problem["reason"], problem["status"]) == ("join-again", "kicked", 410)
    assert (problem["instance"], problem["request_id"]) == ("/messages/stream", "r-1")


def heavy(mailboxes: MemoryMailboxes, count: int) -> None:
    """More than all buffers between two sockets of one machine hold."""
    for n in range(count):
        data = {"from": None, "type": "heavy", "data": "x" * 60_000}
        mailboxes.put(ANN, Message(id=str(n), type="signal", session_id=S, at=datetime.now(UTC), data=data))


async def unread(pod: Served, path: str, *headers: str) -> sockets.socket:
    """A connection on which a request was sent and nothing will be read."""
    url = httpx.URL(pod.url)
    sock = sockets.socket()
    sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, (url.host, url.port))
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {pod.token}", *headers, "", ""]
    await loop.sock_sendall(sock, "\r\n".join(lines).encode())
    return sock


UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
)


@pytest.mark.parametrize(("path", "headers"), [("/messages/stream", ()), ("/messages/socket", UPGRADE)])
async def test_a_client_that_does_not_read_is_dropped(
    database: Database, path: str, headers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    """Its messages stay in its mailbox, nothing is logged, and the pod ends in time."""
    monkeypatch.setattr(slow_clients, "SEND_WITHIN", 0.4)
    # What a stream may have unacknowledged fits into the buffers of the two sockets: here it may have more.
    for bound in ("subscription.UNACKNOWLEDGED_BYTES", "unacked.WINDOW_BYTES", "flow_control.WINDOW_BYTES"):
        monkeypatch.setattr(f"api.mailboxes.{bound}", 1 << 30)
    async with served(database) as pod:
        assert isinstance(pod.scene.bus, MemoryMailboxes)
        heavy(pod.scene.bus, 240)
        sock = await unread(pod, path, *headers)
        await pod.scene.until_state(ANN, "attached")
        loop = asyncio.get_running_loop()
        read = 0
        await asyncio.sleep(1.5)
        with sock, pytest.raises(ConnectionResetError):
            async with asyncio.timeout(10):
                while got := await loop.sock_recv(sock, 1 << 20):
                    read += len(got)
                raise ConnectionResetError if read < 240 * 60_000 else AssertionError(read)
        first = (await pod.get(max=1)).json()
        assert first["messages"][0]["id"] == "0"
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_socket_is_beaten_and_ends_when_nothing_is_acknowledged(database: Database) -> None:
    """A batch of more than may be unread ends within the time for an acknowledgement, with a code of ours."""
    async with served(database) as pod:
        await pod.scene.publisher.to(ANN, *[str(n) for n in range(300)])
        token = {"Authorization": f"Bearer {pod.token}"}
        async with opened_socket(pod.url, {}, token) as socket:
            got = 0
            async with asyncio.timeout(9):
                async for frame in socket_frames(socket):
                    got += len(frame["messages"])
            assert (got, socket.close_code, socket.close_reason) == (250, 4000, "unacknowledged")


async def socket_frames(socket) -> AsyncIterator[dict]:
    """Every frame until it is closed."""
    while True:
        try:
            yield json.loads(await socket.recv())
        except ConnectionClosed:
            return


async def test_a_client_that_hangs_up_is_noticed(database: Database) -> None:
    """By a stream as by a poll: long before the next heartbeat."""
    async with served(database) as pod:
        token = {"Authorization": f"Bearer {pod.token}"}
        async with pod.http.stream("GET", "/messages/stream", headers=token) as answer:
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-accel-buffering"] == "no"
            assert "content-length" not in answer.headers
            assert (await anext(events_of(answer.aiter_lines())))["event"] == "retry"
            await asyncio.sleep(0.2)
        async with within(2.5):
            await pod.scene.until_state(ANN, "detached")
