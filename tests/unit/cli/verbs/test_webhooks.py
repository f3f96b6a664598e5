"""`callplane webhooks`: endpoints from the command line, and the listener that verifies, shows and hands on."""

import asyncio
import base64
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from callplane_client import AsyncCallplane
from callplane_client.webhooks import sign
from cli import __main__ as command
from cli.machine.ports import free_port
from cli.webhook_listener import listening
from testkit.fakes.asgi import KEY
from testkit.inprocess.whole import whole
from testkit.servers.servers import Database
from testkit.servers.until import until

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
BODY = json.dumps({"type": "participant-joined", "data": {"name": "\x1b[31mred"}}).encode()


@asynccontextmanager
async def receiver(status: str) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers so, and what it was sent."""
    got: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.findall(rb"content-length: (\d+)", head.lower())[0])
        got.append(head + await reader.readexactly(length))
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", got


async def posted(port: int, headers: dict[str, str]) -> int:
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.post(f"http://127.0.0.1:{port}/", content=BODY, headers=headers)).status_code


async def test_what_is_signed_is_handed_on_as_it_came_and_answered_as_it_was() -> None:
    async with receiver("204 No Content") as (forward, got):
        with listening(0, forward) as listener:
            listener.know(SECRET)
            headers = sign(SECRET, "msg_1", int(time.time()), BODY)
            assert await posted(listener.port, headers) == 204
            assert await posted(listener.port, {**headers, "webhook-id": "msg_2"}) == 400
            line = listener.next_line(as_json=False)
    [request] = got
    assert request.endswith(BODY)
    assert headers["webhook-signature"].encode() in request
    assert "204  participant-joined" in line
    assert "\x1b" not in line


async def status_of(port: int, length: str) -> bytes:
    """What is answered to a request that names this length and has no body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"POST / HTTP/1.0\r\nContent-Length: {length}\r\n\r\n".encode())
        return (await reader.readline()).split()[1]
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("length", "status"), [("-1", b"400"), ("+1", b"400"), ("ten", b"400"), ("1048577", b"413"), ("9" * 5000, b"413")]
)
async def test_a_length_that_is_none_or_too_large_is_refused_before_a_byte_is_read(length: str, status: bytes) -> None:
    with listening(0, None) as listener:
        listener.know(SECRET)
        assert await status_of(listener.port, length) == status


async def test_a_receiver_that_is_away_or_fails_is_a_failure_to_callplane_as_well() -> None:
    headers = sign(SECRET, "msg_1", int(time.time()), BODY)
    with listening(0, f"http://127.0.0.1:{free_port()}/") as listener:
        listener.know(SECRET)
        assert await posted(listener.port, headers) == 502
    async with receiver("500 No") as (forward, _):
        with listening(0, forward) as listener:
            listener.know(SECRET)
            assert await posted(listener.port, headers) == 500


async def test_listen_makes_an_endpoint_and_removes_it(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    async with whole(database, webhook_hosts="loopback") as url, AsyncCallplane(url, api_key=KEY) as callplane:

        async def one_is_there() -> bool:
            return len(await callplane.webhooks.list()) == 1

        given = ["webhooks", "listen", "--url", url, "--api-key", KEY, "--count", "1", "--json", "--type", "*"]
        listen = asyncio.create_task(asyncio.to_thread(command.main, given))
        await until(one_is_there)
        said = ""

        async def it_has_said_its_secret() -> bool:
            nonlocal said
            said += capsys.readouterr().err
            return "Ctrl-C" in said

        await until(it_has_said_its_secret)
        [(port, secret)] = re.findall(r"http://127\.0\.0\.1:(\d+)/ with the secret (\S+);", said)
        assert await posted(int(port), sign(secret, "msg_1", int(time.time()), BODY)) == 200
        assert await listen == 0
        assert await callplane.webhooks.list() == []
    assert json.loads(capsys.readouterr().out)["event"] == json.loads(BODY)


async def test_endpoints_are_made_looked_at_rotated_and_removed(
    database: Database, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async with whole(database) as url:

        async def run(*verb: str) -> str:
            given = ["webhooks", *verb, "--url", url, "--api-key", KEY]
            assert await asyncio.to_thread(command.main, given) == 0
            return capsys.readouterr().out

        made = json.loads(await run("create", "https://hooks.example/x", "--type", "participant-joined", "--json"))
        assert "hooks.example/x" in await run("list")
        rotated = json.loads(await run("rotate", made["id"], "--overlap", "60", "--json"))
        assert rotated["secret"] != made["secret"]
        mine = tmp_path / "secret"
        mine.write_text(f"{SECRET}\n")
        own = json.loads(await run("rotate", made["id"], "--secret-file", str(mine), "--json"))
        assert own["secret"] == SECRET
        with pytest.raises(SystemExit):
            await run("create", "https://hooks.example/y", "--secret-file", str(tmp_path / "none"))
        delivery = json.loads(await run("test", made["id"], "--json"))
        assert delivery["id"] in await run("deliveries", made["id"], "--state", "pending")
        assert "Removed" in await run("remove", made["id"])
        assert "There are no webhooks." in await run("list")
