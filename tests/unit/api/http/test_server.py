"""Serving from a socket: bytes that are no HTTP, the drain, and an address of one's own."""

import asyncio
import json
import socket

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from api.app import serve
from api.http.server import bind, serve_asgi
from callplane.contracts.commands import Envelope
from testkit.fakes.asgi import BY_KEY, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.machine_time import machine_time
from testkit.servers.servers import Database


async def said(url: str, text: bytes) -> bytes:
    """What the server answers to these bytes before it closes."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(text)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    return answer


async def test_what_is_no_http_gets_a_problem_body(database: Database, capfd) -> None:
    async with serve(settings_for(database, port=0), buses=ScriptedBus().buses) as url:
        answer = await said(url, b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert json.loads(body)["code"] == "bad-request"
    assert capfd.readouterr().err == ""


async def test_a_listener_that_was_given_is_used(database: Database) -> None:
    with bind("127.0.0.1", 0) as door:
        port = door.getsockname()[1]
        async with serve(settings_for(database), buses=ScriptedBus().buses, listener=door) as url:
            assert url == f"http://127.0.0.1:{port}"
            async with httpx.AsyncClient(base_url=url) as http:
                assert (await http.get("/livez")).status_code == 200
                page = await http.get("/")
                assert page.headers["content-type"].startswith("text/html")
                module = await http.get("/sdk/http.js")
                assert module.headers["content-type"].startswith("text/javascript")
                assert module.headers["cache-control"] == "no-cache"


async def test_the_drain_answers_what_waits_and_says_not_ready(database: Database) -> None:
    waiting = asyncio.Event()

    async def never(_: Envelope) -> None:
        waiting.set()
        await asyncio.Event().wait()

    settings = settings_for(database, port=0, drain_delay=0.4, drain_wait=0.2)
    async with httpx.AsyncClient() as http, machine_time() as ran, asyncio.TaskGroup() as tasks:
        async with serve(settings, buses=ScriptedBus(never).buses) as url:
            assert (await http.get(f"{url}/readyz")).status_code == 200
            asked = tasks.create_task(http.post(f"{url}/sessions", json={}, headers=BY_KEY))
            await waiting.wait()
            ready = tasks.create_task(_refused(http, f"{url}/readyz"))
            began = ran()
        assert ran() - began < 2
        answer = await asked
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert await ready


async def test_a_block_that_is_cancelled_ends_as_gently_and_leaves_no_request_to_the_end_of_the_loop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked, let_go, served = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        asked.set()
        await let_go.wait()
        await PlainTextResponse("done")(scope, receive, send)
        served.set()

    async def serving(door: socket.socket, url: asyncio.Future[str]) -> None:
        async with serve_asgi(slow, door) as at:
            url.set_result(at)
            try:
                await asyncio.Event().wait()
            finally:
                asyncio.get_running_loop().call_later(0.3, let_go.set)

    async with httpx.AsyncClient() as http, asyncio.TaskGroup() as tasks:
        url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        with bind("127.0.0.1", 0) as door:
            running = tasks.create_task(serving(door, url))
            asking = tasks.create_task(http.get(await url, timeout=30))
            await asked.wait()
            running.cancel()
            await asyncio.wait((running,))
            assert (running.cancelled(), served.is_set()) == (True, True)
            assert (await asking).text == "done"
    assert caplog.messages == []


async def _refused(http: httpx.AsyncClient, url: str) -> bool:
    """Ask until the program says that it is not ready."""
    async with asyncio.timeout(20):
        status = 200
        while status == 200:
            status = (await http.get(url)).status_code
    return status == 503


async def test_a_length_that_is_too_long_is_refused_before_its_body_comes(database: Database) -> None:
    async with serve(settings_for(database, port=0), buses=ScriptedBus().buses) as url:
        head = b"POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\nConnection: close\r\n"
        key = f"X-API-Key: {BY_KEY['X-API-Key']}\r\n".encode()
        answers = [await said(url, head + key + b"\r\n"), await said(url, head + b"\r\n")]
    assert [answer[:13] for answer in answers] == [b"HTTP/1.1 413 ", b"HTTP/1.1 401 "]
