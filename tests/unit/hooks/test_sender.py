"""What receivers may do to us, and what is made of it: redirects, floods, drips, names that lead elsewhere."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from callplane.contracts.webhooks import Hosts
from hooks import transport
from hooks.sender import Outcome, open_sender
from testkit.fakes.certificates import certificate_for

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n"


def answering(data: bytes) -> Serve:
    """Say this once a request is there, and leave the connection open."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        await writer.drain()

    return serve


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A head, one byte at a time, that never ends."""
    await reader.readuntil(b"\r\n\r\n")
    while True:
        writer.write(b"H")
        await writer.drain()
        await asyncio.sleep(0.02)


async def flooding_heads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Header after header."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 X\r\n")
    while True:
        writer.write(b"x: " + b"y" * 8000 + b"\r\n")
        await writer.drain()


async def flooding(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A body of ten megabytes, as far as anybody takes it."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(HEAD % (200, 10_000_000, b""))
    for _ in range(100):
        writer.write(b"x" * 100_000)
        await writer.drain()
    raise AssertionError("all of it was taken")


async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """RST in place of an answer."""
    await reader.readuntil(b"\r\n\r\n")
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    writer.transport.abort()


@asynccontextmanager
async def served(serve: Serve, **options: Any) -> AsyncIterator[int]:
    """The port at which connections are served so."""

    async def bounded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
            await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(bounded, "127.0.0.1", 0, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def sent(serve: Serve, *, hosts: Hosts = "loopback", seconds: float = 5.0) -> Outcome:
    """What comes of one attempt."""
    async with served(serve) as port, open_sender(hosts, seconds, ssl.create_default_context()) as sender:
        return await sender.send(f"http://127.0.0.1:{port}/hook", b"{}", {"webhook-id": "1"})


@pytest.mark.parametrize("status", [200, 204, 299])
async def test_taken(status: int) -> None:
    assert (await sent(answering(HEAD % (status, 0, b"")))).is_taken


async def test_refused_with_a_time_to_come_back() -> None:
    outcome = await sent(answering(HEAD % (429, 0, b"Retry-After: 7\r\n")))
    assert (outcome.status, outcome.is_taken, outcome.retry_after) == (429, False, 7)


@pytest.mark.parametrize("value", [b"soon", b"Mon, 05 Jan 2026 09:30:00 +99999999999999999999", b"-1", b"1e9"])
async def test_a_time_to_come_back_that_is_none_takes_nothing_back(value: bytes) -> None:
    outcome = await sent(answering(HEAD % (200, 0, b"Retry-After: %s\r\n" % value)))
    assert (outcome.is_taken, outcome.retry_after) == (True, None)


async def test_a_redirect_is_not_followed() -> None:
    async with served(flooding) as elsewhere:
        outcome = await sent(answering(HEAD % (307, 0, b"Location: http://127.0.0.1:%d/\r\n" % elsewhere)))
    assert (outcome.status, outcome.is_taken) == (307, False)
    assert "redirect" in str(outcome.error)


async def test_gone() -> None:
    assert (await sent(answering(HEAD % (410, 0, b"")))).is_gone


async def test_ten_megabytes_are_not_read() -> None:
    assert (await sent(flooding)).is_taken


@pytest.mark.parametrize("serve", [flooding_heads, resetting, answering(b"what?\r\n\r\n")])
async def test_no_answer_that_could_be_read(serve: Serve) -> None:
    outcome = await sent(serve)
    assert (outcome.status, outcome.is_taken) == (None, False)
    assert "broke off" in str(outcome.error)


@pytest.mark.parametrize("serve", [dripping, answering(b"")])
async def test_time_is_bounded_whatever_drips(serve: Serve) -> None:
    outcome = await sent(serve, seconds=0.3)
    assert outcome.error == "no answer within 0.3 s"


async def test_a_name_that_leads_to_this_machine_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    lookups = resolving(monkeypatch, "127.0.0.1")
    async with served(flooding) as port, open_sender("public", 5.0, ssl.create_default_context()) as sender:
        outcome = await sender.send(f"https://hooks.example.com:{port}/", b"{}", {})
    assert "may not be sent to" in str(outcome.error)
    assert lookups == ["hooks.example.com"]


async def test_one_forbidden_address_among_others_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, "93.184.215.14", "169.254.169.254")
    async with open_sender("private", 5.0, ssl.create_default_context()) as sender:
        assert "may not be sent to" in str((await sender.send("https://hooks.example.com/", b"{}", {})).error)


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Let every name stand for these; the names that were looked up."""
    names: list[str] = []

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        names.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(transport.socket, "getaddrinfo", getaddrinfo)
    return names


async def test_the_name_is_resolved_once_and_is_what_the_certificate_must_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    lookups = resolving(monkeypatch, "127.0.0.1")
    ours, trusting = certificate_for("hooks.example.com")
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(HEAD % (200, 0, b""))
        await writer.drain()

    async with served(serve, ssl=ours) as port, open_sender("loopback", 5.0, trusting) as sender:
        right = await sender.send(f"https://hooks.example.com:{port}/", b"{}", {})
        wrong = await sender.send(f"https://other.example.com:{port}/", b"{}", {})
        by_address = await sender.send(f"https://127.0.0.1:{port}/", b"{}", {})
    assert right.is_taken
    assert (
        f"Host: hooks.example.com:{port}".encode() in seen[0] or f"host: hooks.example.com:{port}".encode() in seen[0]
    )
    assert "certificate does not fit" in str(wrong.error)
    assert "certificate does not fit" in str(by_address.error)
    assert len(seen) == 1
    assert lookups == ["hooks.example.com", "other.example.com", "127.0.0.1"]
