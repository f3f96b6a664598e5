"""`callplane up` as a person meets it: a child process, its words, its signals, and what it leaves."""

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from cli.__main__ import main
from cli.machine.ports import free_port
from cli.machine.process import Command, Process, python, running
from testkit.clients.polling_pages import polls_while_it_is_there, seat_by_its_key
from testkit.crashes.leak_check import ask, pipelines
from testkit.inprocess.wrappers import offer
from testkit.servers.processes import ended, marked
from testkit.servers.programs import ROOT
from testkit.servers.until import until
from testkit.servers.webhook_receiver import webhook_receiver

pytestmark = pytest.mark.timeout(90)

FAST = "--in-process-bus"
OPEN = re.compile(r"Open (http://\S+)/#access_token=(open-[\w-]{32})\n")


@pytest.fixture
def mark() -> str:
    """Inherited by whatever is started, so that leftovers are known by it."""
    return f"mark-{uuid.uuid4().hex}"


@asynccontextmanager
async def upped(tmp_path: Path, mark: str, *arguments: str) -> AsyncIterator[tuple[Process, httpx.AsyncClient]]:
    """``callplane up``, once it has printed its link, and a client that has the token of it."""
    async with running(command(tmp_path, mark, *arguments)) as process:

        async def printed() -> re.Match[str] | None:
            return OPEN.search(process.output())

        url, token = (await process.until(printed)).groups()
        async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client:
            yield process, client


def command(tmp_path: Path, mark: str, *arguments: str) -> Command:
    """How it is run: with a temporary directory of the test's own, to see what stays in it."""
    (tmp_path / "tmp").mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"TMPDIR": str(tmp_path / "tmp"), "TESTS_MARK": mark}
    return Command("up", python("cli", "up", *arguments), tmp_path / "log", environment, ROOT, ready_within=40)


@pytest.mark.parametrize(
    ("which", "arguments"),
    [(signal.SIGINT, ()), (signal.SIGTERM, (FAST,))],
    ids=["Ctrl-C, private RabbitMQ", "SIGTERM, in-process bus"],
)
async def test_it_serves_until_a_signal_and_leaves_nothing(
    tmp_path: Path, mark: str, which: signal.Signals, arguments: tuple[str, ...]
) -> None:
    async with upped(tmp_path, mark, "--port", "0", *arguments) as (process, client):
        page = await client.get("/")
        made = await client.post("/sessions", json={})
        other = await client.post("/sessions", json={}, headers={"Authorization": "Bearer open-other"})
        assert (page.status_code, made.status_code, other.status_code) == (200, 201, 401)
        assert "text/html" in page.headers["content-type"]
        await chat_is_kept(client, made.json()["id"])
        url = str(client.base_url)
        polling = asyncio.ensure_future(
            polls_while_it_is_there(url, await seat_by_its_key(url, made.json()["id"], process.output()))
        )
        if arguments:
            await can_be_used(process.output())
        async with webhook_receiver(lambda *_: "ok") as receiver:
            webhook = (await client.post("/v1/webhooks", json={"url": receiver.url(), "types": ["media-lost"]})).json()
            assert (await client.post(f"/v1/webhooks/{webhook['id']}/test")).status_code == 202
            await receiver.until(lambda: [one.event["type"] for one in receiver.received] == ["webhook-test"])
        await client.aclose()
        process.signal(which)
        assert await process.ended() == 0
        await polling
        assert process.output().endswith("Stopped.\n")
        assert "Traceback" not in process.output()
    assert marked(mark) == {}
    assert list((tmp_path / "tmp").iterdir()) == []


async def chat_is_kept(client: httpx.AsyncClient, session: str) -> None:
    """Who comes later reads it."""
    seat = (await client.post(f"/v1/sessions/{session}/participants", json={})).json()
    own = {"Authorization": f"Bearer {seat['token']}"}
    said = await client.post(
        f"/v1/sessions/{session}/signals", json={"type": "chat", "data": {"text": "Hello"}}, headers=own
    )
    assert said.status_code == 202
    kept = (await client.get(f"/v1/sessions/{session}/messages", headers=own)).json()
    assert [one["data"] for one in kept["messages"]] == [{"text": "Hello"}]


async def can_be_used(output: str) -> None:
    """What it prints works as it stands: the line for curl, the API's description, and the link as a ``--url``."""
    [line] = re.findall(r"^ +(curl .*)$", output, re.M)
    [link] = re.findall(r"Open (http://\S+)\n", output)
    [api] = re.findall(r"^  API +(\S+)$", output, re.M)
    if shutil.which("curl"):
        process = await asyncio.create_subprocess_shell(line, stdout=asyncio.subprocess.PIPE)
        session = json.loads((await process.communicate())[0])
    else:
        _, _, url, _, authorization, _, kind, _, body = shlex.split(line)
        headers = dict(one.split(": ") for one in (authorization, kind))
        async with httpx.AsyncClient(trust_env=False) as client:
            session = (await client.post(url, headers=headers, content=body)).json()
    assert session["custom_id"] == "demo"
    async with httpx.AsyncClient(trust_env=False) as nobody:
        assert (await nobody.get(api)).json()["openapi"]
    joining = asyncio.to_thread(main, ["join", session["id"], "--url", link, "--seconds", "1", "--json"])
    checking = asyncio.to_thread(main, ["check", "--url", link, "--only", "media", "--json"])
    assert await asyncio.gather(joining, checking) == [0, 0]


@pytest.mark.long
async def test_a_signal_while_it_starts_stops_it_as_cleanly(tmp_path: Path, mark: str) -> None:
    async with running(command(tmp_path, mark, "--port", "0")) as process:

        async def half_way() -> bool | None:
            return "✓ MongoDB" in process.output() or None

        await process.until(half_way)
        process.signal(signal.SIGINT)
        assert await process.ended() == 0
    assert marked(mark) == {}
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.long
async def test_a_second_signal_ends_it_at_once(tmp_path: Path, mark: str) -> None:
    async with upped(tmp_path, mark, "--port", "0", FAST) as (process, _):
        process.pause()
        process.signal(signal.SIGINT)
        process.signal(signal.SIGTERM)
        process.resume()
        assert await process.ended() == 130
    await ended(mark)


@pytest.mark.long
async def test_nothing_outlives_a_kill(tmp_path: Path, mark: str) -> None:
    process = Process(command(tmp_path, mark, "--port", "0"))

    async def link() -> bool | None:
        return bool(OPEN.search(process.output())) or None

    await process.until(link)
    assert len(marked(mark)) > 4
    os.kill(process.pid, signal.SIGKILL)
    await process.ended()
    await ended(mark)


async def test_a_child_that_dies_ends_it_with_a_reason(tmp_path: Path, mark: str) -> None:
    async with upped(tmp_path, mark, "--port", "0", FAST) as (process, _):
        mongod = next(pid for pid, line in marked(mark).items() if line.split()[0].endswith("mongod"))
        os.kill(mongod, signal.SIGKILL)
        assert await process.ended() == 1
        assert "callplane: mongod was ended by SIGKILL: stopping everything\n" in process.output()
        assert "Traceback" not in process.output()
    assert marked(mark) == {}


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_what_the_console_kills_is_started_again(tmp_path: Path, mark: str) -> None:
    async with upped(tmp_path, mark, "--port", "0") as (process, client):
        [key] = re.findall(r"console +\S+#key=([\w-]+)&up=1\n", process.output())
        async with httpx.AsyncClient(base_url=client.base_url, headers={"X-API-Key": key}) as console:

            async def is_up(server: str, *, again: bool) -> bool:
                found = (await console.get("/v1/faults")).json()["servers"]
                [one] = [one for one in found if one["id"] == server]
                return one["state"] == "up" and (one["away_seconds"] is not None or not again)

            assert (await client.get("/v1/faults")).status_code == 401
            for server in ("wrapper", "api"):
                assert (await console.post(f"/v1/faults/{server}/start")).status_code == 202
            for server in ("wrapper", "api"):
                await until(partial(is_up, server, again=False), 90)
            for server in ("media-server", "wrapper", "api", "rabbitmq"):
                before = set(marked(mark))
                assert (await console.post(f"/v1/faults/{server}/kill")).status_code == 202
                await until(partial(is_up, server, again=True), 90)
                assert before - set(marked(mark)), "nothing was killed"
            await until(lambda: _makes_a_call(client), 90)
            # Stopped while one of them is away.
            assert (await console.post("/v1/faults/rabbitmq/kill")).status_code == 202
        await client.aclose()
        process.signal(signal.SIGINT)
        assert await process.ended() == 0, process.output()
        assert process.output().endswith("Stopped.\n")
        assert "Traceback" not in process.output()
    assert marked(mark) == {}


async def _makes_a_call(client: httpx.AsyncClient) -> bool:
    return (await client.post("/v1/sessions", json={})).status_code == 201


@pytest.mark.long
async def test_the_default_port_taken_means_the_next_one(tmp_path: Path, mark: str) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", 8080))
            other.listen()
        except OSError:
            pass  # somebody else has it: as good
        async with upped(tmp_path, mark, FAST) as (process, client):
            port = client.base_url.port
            assert port is not None
            assert 8080 < port < 8280
            assert f"Port 8080 is taken, so this is on {port}." in process.output()


async def test_a_given_port_that_is_taken_is_one_line(tmp_path: Path, mark: str) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        assert await words(tmp_path, mark, "--port", str(port)) == [
            f"callplane: port {port} is taken: choose another, or leave --port out"
        ]


@pytest.mark.long
@pytest.mark.parametrize(
    ("option", "url", "name"),
    [
        ("--mongo-url", "mongodb://user:secret@127.0.0.1:{port}/?replicaSet=x", "MongoDB"),
        ("--amqp-url", "amqp://user:secret@127.0.0.1:{port}/", "RabbitMQ"),
    ],
)
async def test_a_given_server_that_is_away_is_one_line(
    tmp_path: Path, mark: str, option: str, url: str, name: str
) -> None:
    port = free_port()
    said = await words(tmp_path, mark, "--port", "0", option, url.format(port=port))
    assert said[-1].startswith(f"callplane: {name} at 127.0.0.1:{port} ")
    assert "secret" not in "".join(said)
    assert "Traceback" not in "".join(said)


async def test_an_open_address_without_a_key_is_one_line(tmp_path: Path, mark: str) -> None:
    said = await words(tmp_path, mark, "--host", "0.0.0.0", "--port", "0", FAST)
    assert said[-1].startswith("callplane: others can reach 0.0.0.0: set CALLPLANE_API_KEYS=")


@pytest.mark.long
async def test_calls_are_kept_where_a_data_directory_is_given(tmp_path: Path, mark: str) -> None:
    arguments = ("--port", "0", FAST, "--data-dir", str(tmp_path / "kept"))
    async with upped(tmp_path / "first", mark, *arguments) as (_, client):
        made = (await client.post("/sessions", json={"custom_id": "team"})).json()
    async with upped(tmp_path / "second", mark, *arguments) as (_, client):
        again = await client.post("/sessions", json={"custom_id": "team"})
    assert (again.status_code, again.json()["id"]) == (200, made["id"])


@pytest.mark.long
async def test_a_media_server_of_somebody_elses_is_left_as_it_was_found(tmp_path: Path, mark: str) -> None:
    other = Command("media server", python("mediaserver", "--port", "0"), tmp_path / "media", dict(os.environ), ROOT)
    async with running(other) as media_server:
        media = str((await media_server.ready_line())["url"])
        foreign = (await ask(media, "create", type="MediaPipeline"))["value"]
        async with upped(tmp_path, mark, "--port", "0", FAST, "--kms", media) as (process, client):
            session = (await client.post("/sessions", json={})).json()["id"]
            joined = (await client.post(f"/sessions/{session}/participants", json={})).json()
            body = {"kind": "publish", "sdp_offer": await offer("sendonly")}
            path, token = f"/sessions/{session}/connections", {"Authorization": f"Bearer {joined['token']}"}
            made = await client.post(path, json=body, headers=token, timeout=20)
            assert made.status_code == 201, made.text
            assert len(await pipelines(media)) == 2
            await client.aclose()
            process.signal(signal.SIGINT)
            assert await process.ended() == 0
            assert "Traceback" not in process.output()
        assert await pipelines(media) == [foreign]


async def words(tmp_path: Path, mark: str, *arguments: str) -> list[str]:
    """What it says when it cannot start."""
    async with running(command(tmp_path, mark, *arguments)) as process:
        assert await process.ended() == 1
        assert marked(mark) == {}
        return process.output().splitlines()
