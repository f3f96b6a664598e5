"""``GET /messages`` through a real listener: shapes, refusals, and a client that hangs up."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from api.app import serve
from api.auth.tokens import ParticipantTokens
from api.dispatch.buses import Buses
from callplane.bus.memory.mailboxes import MemoryMailboxes
from callplane.contracts.ids import ParticipantId
from callplane.store.attachments import Attachments
from callplane.store.mongo.database import open_database
from testkit.clients.transports import until_parked
from testkit.fakes.asgi import SECRET, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.inprocess.mailboxes import MemoryPublisher, S, Scene
from testkit.servers.machine_time import within
from testkit.servers.servers import Database

ANN = ParticipantId("ann")


@dataclass
class Served:
    """One pod that is served, with one seat."""

    url: str
    scene: Scene
    http: httpx.AsyncClient
    token: str

    async def get(self, **query: object) -> httpx.Response:
        """One poll."""
        return await self.http.get("/messages", params={key: str(value) for key, value in query.items()})


@asynccontextmanager
async def served(database: Database) -> AsyncIterator[Served]:
    """Serve it on a port of its own."""
    mailboxes = MemoryMailboxes()
    settings = settings_for(database, host="127.0.0.1", port=0)
    token = ParticipantTokens([SECRET]).sign(S, ANN)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        open_database(database.url, database.name) as opened,
        serve(settings, buses=Buses(ScriptedBus(), mailboxes)) as url,
        httpx.AsyncClient(base_url=url, headers=headers, timeout=20, trust_env=False) as http,
    ):
        scene = Scene(opened, mailboxes, MemoryPublisher(mailboxes), Attachments(opened))
        await scene.seat(ANN)
        yield Served(url, scene, http, token)


async def test_messages_and_the_token_that_acknowledges_them(database: Database) -> None:
    """The exact shape of design 8.5."""
    async with served(database) as pod:
        await pod.scene.publisher.to(ANN, "1", "2")
        answer = await pod.get()
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert answer.headers["cache-control"] == "no-store"
        body = answer.json()
        assert [one["id"] for one in body["messages"]] == ["1", "2"]
        assert set(body) == {"messages", "ack"}
        assert set(body["messages"][0]) == {"id", "type", "session_id", "version", "at", "data"}
        again = await pod.get(max=1)
        assert [one["id"] for one in again.json()["messages"]] == ["1"]
        assert (await pod.get(ack=body["ack"], wait=0)).json() == {"messages": [], "ack": None}


async def test_bounds_are_refused(database: Database) -> None:
    """wait 0-60, max 1-500."""
    async with served(database) as pod:
        for query in ({"wait": 61}, {"wait": -1}, {"wait": "nan"}, {"max": 0}, {"max": 501}, {"max": "x"}):
            answer = await pod.get(**query)
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), query


async def test_a_replaced_poll_and_an_ended_seat(database: Database) -> None:
    """409 and 410, with the reason."""
    async with served(database) as pod, asyncio.TaskGroup() as tasks:
        await pod.get(wait=0)
        older = tasks.create_task(pod.get(wait=20))
        await until_parked(pod.http)
        newer = tasks.create_task(pod.get(wait=20))
        assert ((await older).status_code, (await older).json()["code"]) == (409, "poll-replaced")
        await pod.scene.attachments.end(ANN, "kicked")
        await pod.scene.publisher.delete(ANN)
        gone = await newer
        assert (gone.status_code, gone.json()["code"], gone.json()["reason"]) == (410, "join-again", "kicked")


async def test_a_client_that_hangs_up_is_noticed(database: Database) -> None:
    """uvicorn lets the handler run: it must notice by itself, long before its wait or five seconds are over."""
    async with served(database) as pod:
        await pod.get(wait=0)
        url = httpx.URL(pod.url)
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(
            f"GET /messages?wait=60 HTTP/1.1\r\nHost: {url.host}\r\nAuthorization: Bearer {pod.token}\r\n\r\n".encode()
        )
        await writer.drain()
        await until_parked(pod.http)
        writer.close()
        async with within(2.5):
            await pod.scene.until_state(ANN, "detached")


async def test_every_body_is_json(database: Database) -> None:
    """Whatever a signal holds."""
    async with served(database) as pod:
        await pod.scene.publisher.to(ANN, 'quote" \\ \u2028 \n é')
        body = json.loads((await pod.get()).content)
        assert body["messages"][0]["id"] == 'quote" \\ \u2028 \n é'
