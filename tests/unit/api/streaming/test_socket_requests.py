"""Requests over a WebSocket are those of HTTP: the same answers, limits and problems, by frames with ids."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection

from api.app import serve
from api.auth.tokens import ParticipantTokens
from api.dispatch.buses import Buses
from api.streaming import requests
from callplane.bus.memory.mailboxes import MemoryMailboxes
from callplane.contracts.commands import Envelope
from callplane.contracts.ids import ParticipantId
from callplane.store.attachments import Attachments
from callplane.store.mongo.database import open_database
from testkit.clients.transports import opened_socket
from testkit.fakes.asgi import SECRET, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.fakes.scripted_wrapper import answering
from testkit.inprocess.mailboxes import MemoryPublisher, S, Scene
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of

ADA = ParticipantId("ada")
SIGNALS = "/sessions/s/signals"


@dataclass
class Ada:
    """One participant with a socket, and with HTTP."""

    socket: ClientConnection
    http: httpx.AsyncClient
    url: str

    async def send(self, name: str, method: str, path: str, **more: Any) -> None:
        """One request as a frame."""
        await self.socket.send(json.dumps({"request": name, "method": method, "path": path, **more}))

    async def reply(self) -> dict[str, Any]:
        """The next reply."""
        async with asyncio.timeout(10):
            while "reply" not in (frame := json.loads(await self.socket.recv())):
                assert "messages" in frame
            return dict(frame)


@asynccontextmanager
async def ada(database: Database, bus: ScriptedBus, **settings: Any) -> AsyncIterator[Ada]:
    """She sits in a session with a moderator."""
    await session_of(database)
    mailboxes = MemoryMailboxes()
    token = {"Authorization": f"Bearer {ParticipantTokens([SECRET]).sign(S, ADA)}"}
    async with (
        open_database(database.url, database.name) as opened,
        serve(settings_for(database, port=0, **settings), buses=Buses(bus, mailboxes)) as url,
        httpx.AsyncClient(base_url=url, headers=token, timeout=20, trust_env=False) as http,
    ):
        await Scene(opened, mailboxes, MemoryPublisher(mailboxes), Attachments(opened)).seat(ADA)
        async with opened_socket(url, {}, token) as socket:
            yield Ada(socket, http, url)


ASKED: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("GET", "/sessions/s", {}),
    ("GET", "/sessions/another", {}),
    ("GET", "/sessions", {}),
    ("GET", "/sessions/%73", {}),
    ("GET", "/sessions/s/?a=b", {}),
    ("GET", "/sessionsandmore", {}),
    ("DELETE", "/sessions/s", {}),
    ("PATCH", "/sessions/s/participants/ada", {"body": {"name": "Ada"}}),
    ("PATCH", "/sessions/s/participants/ada", {"body": {"name": "Ada"}, "if_match": '"x"'}),
    ("PATCH", "/sessions/s/participants/mod", {"body": {"name": "Ada"}}),
    ("POST", "/sessions/s/participants", {"body": {}}),
    ("POST", SIGNALS, {"body": {"type": "x", "to": "nobody"}}),
    ("POST", SIGNALS, {"body": {"type": "x", "data": "y" * 9000}}),
    ("POST", SIGNALS, {"body": {"type": "x", "data": "y" * 40_000}}),
    ("POST", SIGNALS, {"body": "text"}),
    ("POST", SIGNALS, {}),
    ("POST", SIGNALS, {"body": {"type": "x"}, "idempotency_key": "short"}),
    ("DELETE", "/sessions/s/participants/ada", {}),
)


def _known(body: Any) -> Any:
    """Without what is another each time."""
    return {key: body[key] for key in body if key not in ("request_id", "detail")} if isinstance(body, dict) else body


async def test_a_frame_is_answered_as_the_request_would_be(database: Database) -> None:
    """Status, body and headers, also of what is refused."""
    bus = ScriptedBus(answering)
    async with ada(database, bus) as it:
        for n, (method, path, more) in enumerate(ASKED):
            headers = {"Idempotency-Key": more.get("idempotency_key"), "If-Match": more.get("if_match")}
            given = {name: value for name, value in headers.items() if value}
            by_http = await it.http.request(method, path, json=more.get("body"), headers=given)
            await it.send(str(n), method, path, **more)
            by_socket = await it.reply()
            assert (by_socket["reply"], by_socket["status"]) == (str(n), by_http.status_code), (method, path)
            assert by_socket["headers"].get("etag") == by_http.headers.get("etag")
            body = by_http.json() if by_http.content else None
            assert _known(by_socket["body"]) == _known(body), (method, path)


async def test_a_key_and_an_order_are_what_they_are_by_http(database: Database) -> None:
    """A repeat under its key has the same id; signals of one sender go out in the order of their frames."""
    bus = ScriptedBus()
    async with ada(database, bus, rate_signals=0, rate_deliveries=0) as it:
        for n in range(15):
            await it.send(str(n), "POST", SIGNALS, body={"type": f"{n}"})
        assert [(await it.reply())["reply"] for _ in range(15)] == [str(n) for n in range(15)]
        once = {"body": {"type": "wave"}, "idempotency_key": "the-one-and-only-1"}
        for name in ("a", "b"):
            await it.send(name, "POST", SIGNALS, **once)
        first, second = await it.reply(), await it.reply()
        assert (first["status"], first["body"]) == (202, second["body"])
        by_http = await it.http.post(SIGNALS, json={"type": "wave"}, headers={"Idempotency-Key": "the-one-and-only-1"})
        assert by_http.json() == first["body"]
    assert [message.data["type"] for _, message in bus.published][:15] == [str(n) for n in range(15)]


async def test_one_that_takes_long_keeps_nobody_waiting(database: Database) -> None:
    """Another path's is answered before it; so many may be under way, and one more is told so."""
    free = asyncio.Event()

    async def slow(envelope: Envelope) -> Any:
        await free.wait()
        return await answering(envelope)

    async with ada(database, ScriptedBus(slow)) as it:
        for n in range(requests.UNDER_WAY - 1):
            await it.send(str(n), "PATCH", "/sessions/s/participants/ada", body={"name": f"{n}"})
        await it.send("quick", "GET", "/sessions/s")
        assert (await it.reply())["reply"] == "quick"
        for name in ("last", "too many"):
            await it.send(name, "PATCH", "/sessions/s/participants/ada", body={"name": "z"})
        refused = await it.reply()
        assert (refused["reply"], refused["status"], refused["body"]["code"]) == ("too many", 429, "too-many-requests")
        assert refused["headers"] == {"retry-after": "1"}
        free.set()
        replies = [await it.reply() for _ in range(requests.UNDER_WAY)]
        assert [one["reply"] for one in replies] == [*map(str, range(requests.UNDER_WAY - 1)), "last"]
        assert {one["status"] for one in replies} == {200}


async def test_limits_are_counted_with_those_of_http(database: Database) -> None:
    """The same bucket."""
    async with ada(database, ScriptedBus(), rate_signals=0.2) as it:
        assert (await it.http.post(SIGNALS, json={"type": "x"})).status_code == 202
        await it.send("1", "POST", SIGNALS, body={"type": "x"})
        await it.send("2", "POST", SIGNALS, body={"type": "x"})
        one, two = await it.reply(), await it.reply()
        assert (one["status"], two["status"]) == (202, 429)
        assert int(two["headers"]["retry-after"]) >= 1
        metrics = (await it.http.get("/metrics")).text
        assert 'route="/sessions/{session_id}/signals",status="429"} 1.0' in metrics


async def test_messages_are_not_asked_for_over_a_socket(database: Database) -> None:
    """Nor anything else that is not at /sessions: a stream in a reply would have no end."""
    async with ada(database, ScriptedBus()) as it:
        for path in ("/messages/stream", "/messages", "/metrics", "/sessions%00/../messages", "/"):
            await it.send("1", "GET", path)
            assert (await it.reply())["status"] == 404, path


async def test_what_was_begun_goes_on_when_the_socket_has_gone(database: Database) -> None:
    """As by HTTP; its seat is not kept by it."""
    begun, done = asyncio.Event(), asyncio.Event()

    async def slow(envelope: Envelope) -> Any:
        begun.set()
        await asyncio.sleep(1)
        done.set()
        return await answering(envelope)

    async with ada(database, ScriptedBus(slow)) as it:
        await it.send("1", "PATCH", "/sessions/s/participants/ada", body={"name": "z"})
        await begun.wait()
        await it.socket.close()
        async with asyncio.timeout(5):
            await done.wait()


BAD = (
    {"request": "", "method": "GET", "path": "/sessions"},
    {"request": "1", "method": "CONNECT", "path": "/sessions"},
    {"request": "1", "method": "GET", "path": "sessions"},
    {"request": "1", "method": "GET", "path": "/sessions/a b"},
    {"request": "1", "method": "GET", "path": "/sessions/\r\nX: y"},
    {"request": "1", "method": "GET", "path": "/sessions", "idempotency_key": "a\nb"},
    {"request": "1", "method": "GET", "path": "/" + "x" * 2048},
    {"request": "1", "method": "GET", "path": "/sessions", "more": 1},
    {"request": 1, "method": "GET", "path": "/sessions"},
    {"ack": "t", "request": "1"},
)


async def test_what_is_no_request_ends_the_socket(database: Database) -> None:
    """With the code of ``invalid``, as any frame that nobody understands."""
    async with ada(database, ScriptedBus()) as it:
        for bad in BAD:
            async with opened_socket(it.url, {}, {"Authorization": it.http.headers["authorization"]}) as socket:
                await socket.send(json.dumps(bad))
                async with asyncio.timeout(5):
                    await socket.wait_closed()
                assert (socket.close_code, socket.close_reason) == (4422, "invalid: bad-frame"), bad
