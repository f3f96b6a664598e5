"""What a verb makes of answers that are no success, and of no answer."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cli.verbs.server import Failed, Server

KEY = "a-key-of-the-tests"


@asynccontextmanager
async def answering(response: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """An HTTP server that answers everything with these bytes; its address, and what it was asked."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(response)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


def http(status: str, body: str = "", *headers: str) -> bytes:
    """A response as it stands on the wire."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


async def failure(response: bytes) -> tuple[Failed, str]:
    """What asking comes to, and who was asked."""
    async with answering(response) as (url, _):
        with pytest.raises(Failed) as failed:
            await asyncio.to_thread(Server(url, KEY).ask, "GET", "/sessions")
    return failed.value, url


async def test_the_key_travels_in_its_header_and_json_both_ways() -> None:
    async with answering(http("200 OK", '{"a": "é"}')) as (url, asked):
        assert await asyncio.to_thread(Server(url + "/", KEY).ask, "POST", "/x", {"b": 1}) == {"a": "é"}
    [request] = asked
    assert request.startswith(b"POST /v1/x HTTP/1.1\r\n")
    assert f"x-api-key: {KEY}".encode() in request.lower()


async def test_no_content_is_none() -> None:
    async with answering(http("204 No Content")) as (url, _):
        assert await asyncio.to_thread(Server(url, None).ask, "DELETE", "/x") is None


@pytest.mark.parametrize(
    ("response", "why", "status"),
    [
        (http("409 Conflict", '{"title": "Not now", "detail": "Drain it."}'), "Not now: Drain it.", 1),
        (http("404 Not Found", '{"title": "None", "detail": "None"}'), "None", 1),
        (http("503 Service Unavailable", '{"title": "Unavailable", "retryable": true}'), "Unavailable", 3),
        (http("502 Bad Gateway", "<html>"), "no answer from {}: HTTP 502 without a problem: a proxy answered", 3),
        (http("500 Internal Server Error", "<html>"), "The server answered 500", 3),
        (http("400 Bad Request", "[]"), "The server answered 400", 1),
        (http("302 Found", "", "Location: http://127.0.0.1:1/"), "The server answered 302", 1),
    ],
)
async def test_a_refusal_is_one_sentence(response: bytes, why: str, status: int) -> None:
    failed, url = await failure(response)
    assert (str(failed), failed.status) == (why.format(url), status)


@pytest.mark.parametrize("response", [b"", b"nonsense\r\n\r\n", http("200 OK", "{"), b"HTTP/1.1 200 OK\r\n\r\nx"])
async def test_what_is_no_answer_is_unavailable(response: bytes) -> None:
    failed, url = await failure(response)
    assert str(failed).startswith(f"no answer from {url}: ")
    assert failed.status == 3


def test_nobody_there_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Failed, match="refused") as failed:
        Server(f"http://127.0.0.1:{port}", KEY).ask("GET", "/")
    assert failed.value.status == 3
