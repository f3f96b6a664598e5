"""The operator's verbs as child processes on running programs: poisoned commands, the pool, and calls."""

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aio_pika
import httpx
import pytest

from callplane.contracts.commands import Caller, Envelope, UpdateSession
from callplane.contracts.ids import new_id
from cli.machine.process import python
from testkit.clients.participant import Participant, person, pods
from testkit.crashes.leak_check import pipelines
from testkit.servers.programs import API_KEY, ROOT, Cluster, Size, cluster
from testkit.servers.servers import Servers
from testkit.servers.until import until

pytestmark = pytest.mark.timeout(120)

KEY = {"X-API-Key": API_KEY}


@dataclass(frozen=True)
class Said:
    """What a verb ended with, and what it printed."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its output, read as JSON."""
        return json.loads(self.out)


async def callplane(url: str, *arguments: str, key: str = API_KEY) -> Said:
    """Run one verb against this pod."""
    environment = os.environ | {"CALLPLANE_URL": url, "CALLPLANE_API_KEY": key}
    process = await asyncio.create_subprocess_exec(
        *python("cli", *arguments),
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return Said(process.returncode or 0, out.decode(), err.decode())


async def put(servers: Servers, queue: str, body: bytes, **headers: int) -> str:
    """Put anything into a command queue, past the API; its id."""
    id_ = new_id()
    async with await aio_pika.connect(servers.vhost.url) as connection:
        channel = await connection.channel(on_return_raises=True)
        note = aio_pika.Message(body, message_id=id_, correlation_id=id_, headers=dict(headers))
        await channel.default_exchange.publish(note, queue, timeout=5)
    return id_


@pytest.mark.long
async def test_what_was_given_up_is_listed_sent_again_and_removed(servers: Servers) -> None:
    async with cluster(servers, Size(2, 1, 0)) as c, pods(api.url for api in c.apis) as ask:
        one, two = (api.url for api in c.apis)
        session = (await ask("POST", "/sessions", headers=KEY, json={})).json()["id"]
        bad = await put(servers, f"session.{session}", b'{"id": "secret"}')
        # A command whose every attempt has ended its wrapper is counted by what the next finds in its header.
        change = UpdateSession(changes={"metadata": {"topic": "secret"}})
        told = Envelope(id="x", session_id=session, caller=Caller(kind="key"), deadline=datetime.now(UTC), body=change)
        deadly = await put(servers, f"session.{session}", told.model_dump_json().encode(), attempt=6)

        async def both() -> bool:
            return len((await callplane(one, "dead-letters", "list", "--json")).json["dead_letters"]) == 2

        await until(both, 20)
        listed = (await callplane(two, "dead-letters", "list", "--json")).json["dead_letters"]
        assert [(letter["id"], letter["name"], letter["session_id"]) for letter in listed] == [
            (bad, None, session),
            (deadly, "update-session", session),
        ]
        for shown in (
            await callplane(two, "dead-letters", "list"),
            await callplane(one, "dead-letters", "show", deadly),
        ):
            assert (shown.status, shown.err) == (0, "")
            assert deadly in shown.out
            assert "attempts: " in shown.out
            assert "secret" not in shown.out
        refused = await callplane(one, "dead-letters", "replay", bad)
        assert (refused.status, refused.out, refused.err.count("\n")) == (1, "", 1)
        assert "The present state does not allow this" in refused.err
        assert (await callplane(one, "dead-letters", "replay", deadly)).out == f"Sent again: {deadly}\n"

        async def changed() -> bool:
            shown = await callplane(two, "sessions", "show", session, "--json")
            return bool(shown.json["metadata"] == {"topic": "secret"})

        await until(changed, 20)
        again = await callplane(two, "dead-letters", "replay", deadly)
        assert (again.status, again.err) == (
            1,
            f"callplane: {deadly}: There is no such thing: There is no such dead letter. List them for their ids.\n",
        )
        assert (await callplane(two, "dead-letters", "purge", bad)).out == f"Removed: {bad}\n"
        assert (await callplane(one, "dead-letters", "purge")).status == 0
        assert (await callplane(one, "dead-letters", "list")).out == "There are no dead letters.\n"
        stranger = await callplane(one, "dead-letters", "list", key="wrong")
        assert (stranger.status, stranger.out) == (1, "")
        assert stranger.err.startswith("callplane: A valid credential is needed")
        assert "dead-letters.reader" not in await servers.vhost.queues()


def count(somebody: Participant, type_: str) -> int:
    """How many messages of a type have come."""
    return sum(message["type"] == type_ for message in somebody.messages)


async def pool(c: Cluster, holds: Callable[[dict[str, Any]], bool]) -> None:
    """Wait until this is so of the pool, by name."""

    async with httpx.AsyncClient(base_url=c.apis[0].url, headers=KEY, trust_env=False, timeout=20) as http:

        async def looked() -> bool:
            listed = (await http.get("/media-servers")).json()["media_servers"]
            return holds({server["name"]: server for server in listed})

        await until(looked)


async def test_a_media_server_is_added_and_another_drained_under_a_call(servers: Servers) -> None:
    async with cluster(servers, Size(2, 2, 1)) as c, pods(api.url for api in c.apis) as ask:
        one, two = (api.url for api in c.apis)
        made = await ask("POST", "/sessions", headers=KEY, json={"custom_id": "under-way"})
        session = made.json()["id"]
        async with person(ask, session, KEY, name="Ann") as ann, person(ask, session, KEY, name="Bo") as bo:
            await ann.publish()
            [old] = (await callplane(one, "media-servers", "list", "--json")).json["media_servers"]
            assert (old["state"], old["sessions"]) == ("up", 1)
            machine = await c.start_media_server()
            added = await callplane(two, "media-servers", "add", "kms-2", machine.url)
            assert (added.status, "kms-2" in added.out) == (0, True)
            assert (await callplane(one, "media-servers", "add", "kms-3", machine.url)).status == 1
            await pool(c, lambda by_name: by_name["kms-2"]["state"] == "up")
            busy = await callplane(one, "media-servers", "remove", old["name"])
            assert (busy.status, "Drain it first" in busy.err) == (1, True)
            drained = await callplane(one, "media-servers", "drain", old["name"], "--wait", "30", "--json")
            assert (drained.status, drained.json["state"], drained.json["cordoned"]) == (0, "up", True), drained
            for somebody in (ann, bo):
                lost = await somebody.heard(lambda message: message["type"] == "media-lost")
                assert lost["data"] == {"epoch": 2, "reason": "media-server-drained"}
                await somebody.heard(lambda message: message["type"] == "media-ready" and message["data"]["epoch"] == 2)
            again = await ann.publish()
            _, received = await bo.subscribe(ann.id)
            await received.wait(video=5, audio=5)
            shown = await ann.ask("GET", f"/sessions/{session}/connections/{again}")
            assert shown.json()["epoch"] == 2
            await until(lambda: _empty(old["url"]))
            assert (await callplane(two, "media-servers", "remove", old["name"])).status == 0
            await pool(c, lambda by_name: list(by_name) == ["kms-2"] and by_name["kms-2"]["sessions"] == 1)
            listed = await callplane(two, "sessions", "list")
            assert ["under-way" in line for line in listed.out.splitlines()] == [False, True]
            detailed = await callplane(one, "sessions", "show", session)
            assert all(words in detailed.out for words in ("Ann", "Bo", "under-way", "publisher"))
            assert (await callplane(one, "sessions", "close", session, "--reason", "maintenance")).status == 0
            for somebody in (ann, bo):
                closed = await somebody.heard(lambda message: message["type"] == "session-closed")
                assert closed["data"]["reason"] == "maintenance"
                assert (count(somebody, "media-lost"), count(somebody, "media-ready")) == (1, 2)
            assert (await callplane(one, "sessions", "list")).out == "There are no such sessions.\n"


async def _empty(media_server: str) -> bool:
    return await pipelines(media_server) == []
