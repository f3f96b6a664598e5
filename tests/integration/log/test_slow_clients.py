"""Clients of logs that hardly read, or come with a place of elsewhere: dropped, or bounded, and nothing is lost."""

import asyncio
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest

from api.app import serve
from api.auth.tokens import ParticipantTokens
from api.dispatch.buses import Buses
from api.http import slow_clients
from callplane.bus.rabbitmq.hints import RabbitHints
from callplane.bus.rabbitmq.mailboxes import RabbitMailboxes
from callplane.contracts.ids import ParticipantId, SessionId
from testkit.clients.transports import DOORS, Reader
from testkit.fakes.asgi import SECRET, settings_for
from testkit.inprocess.log_publisher import HintingBus, log_engine_scene
from testkit.inprocess.mailboxes import S, Scene
from testkit.servers.servers import Servers

HEAVY = [f"{number} {'x' * 60_000}" for number in range(160)]
"""More than all buffers between two sockets of one machine hold."""

UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
)


@dataclass
class LogPod:
    """A pod, and what its session's messages are written by."""

    url: str
    scene: Scene
    http: httpx.AsyncClient

    def reader(self, seat: ParticipantId) -> Reader:
        """Somebody who polls."""
        return DOORS["poll"](self.http, ParticipantTokens([SECRET]).sign(S, seat), [self.url])


@asynccontextmanager
async def log_pod(servers: Servers) -> AsyncIterator[LogPod]:
    """On real servers."""
    url = servers.vhost.url
    buses = Buses(HintingBus(RabbitHints(url, "pod")), RabbitMailboxes(url, "pod"))
    async with AsyncExitStack() as stack:
        scene = await stack.enter_async_context(log_engine_scene(servers))
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=20, trust_env=False))
        address = await stack.enter_async_context(serve(settings_for(servers.database, port=0), buses=buses))
        yield LogPod(address, scene, http)


async def read_a_byte_at_a_time(pod: LogPod, seat: ParticipantId, path: str, headers: tuple[str, ...]) -> None:
    """Until cancelled: what the machine holds for a connection outlasts it, so that no end is seen here for long."""
    url, loop = httpx.URL(pod.url), asyncio.get_running_loop()
    token = ParticipantTokens([SECRET]).sign(S, seat)
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}", *headers, "", ""]
    with sockets.socket() as sock:
        sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        sock.setblocking(False)
        await loop.sock_connect(sock, (url.host, url.port))
        await loop.sock_sendall(sock, "\r\n".join(lines).encode())
        while await loop.sock_recv(sock, 1):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(("path", "headers"), [("/messages/stream", ()), ("/messages/socket", UPGRADE)])
async def test_who_reads_a_byte_at_a_time_is_dropped_and_holds_nobody_up(
    servers: Servers, path: str, headers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many bytes trickle: a piece is taken within its time, or the connection goes; the log has it all yet."""
    monkeypatch.setattr(slow_clients, "SEND_WITHIN", 0.4)
    async with log_pod(servers) as pod, asyncio.TaskGroup() as tasks:
        ann, bob = await pod.scene.seat("ann"), await pod.scene.seat("bob")
        trickling = tasks.create_task(read_a_byte_at_a_time(pod, ann, f"/v1{path}", headers))
        await pod.scene.until_state(ann, "attached")
        reading = tasks.create_task(pod.reader(bob).read_until(len(HEAVY)))
        for text in HEAVY:
            await pod.scene.publisher.to_all(text)
        assert await reading == HEAVY
        await pod.scene.until_state(ann, "detached")
        assert not trickling.done(), "it has not left by itself"
        trickling.cancel()
        assert await pod.reader(ann).read_until(len(HEAVY)) == HEAVY, "nothing is lost to who comes again"


async def test_a_place_in_another_sessions_log_is_a_place_in_ones_own_at_most(servers: Servers) -> None:
    """A token names positions, no session: one from elsewhere skips no more than a lie about one's own would."""
    async with log_pod(servers) as pod:
        other = SessionId("other")
        await pod.scene.database["sessions"].insert_one({"_id": other, "engine": "log", "status": "open"})
        ann = await pod.scene.seat("ann")
        await pod.scene.publisher.to_all(*[f"elsewhere {number}" for number in range(50)], session=other)
        await pod.scene.publisher.to_all("1", "2", "3")
        token = {"Authorization": f"Bearer {ParticipantTokens([SECRET]).sign(S, ann)}"}

        async def poll(ack: str, wait: int = 0) -> list[str]:
            answer = await pod.http.get(f"{pod.url}/v1/messages", params={"ack": ack, "wait": wait}, headers=token)
            assert answer.status_code == 200, answer.text
            return [one["id"] for one in answer.json()["messages"]]

        assert await poll("50.0") == [], "the end of its own log, and nothing of the other's"
        await pod.scene.publisher.to_all("4")
        assert await poll("3.0", wait=10) == ["4"], "what comes afterwards is given"
        assert await poll("50.0") == []
