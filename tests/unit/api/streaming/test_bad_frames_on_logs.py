"""Bad frames at sockets of log sessions, to which messages are pushed meanwhile: nothing follows a close frame."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import httpx

from api.app import serve
from api.auth.tokens import ParticipantTokens
from api.dispatch.buses import Buses
from callplane.bus.memory.mailboxes import MemoryMailboxes
from callplane.concurrency import alongside
from callplane.messengers import open_log_messenger
from callplane.store.attachments import Attachments
from callplane.store.mongo.database import DatabaseClock, open_database
from testkit.fakes.asgi import SECRET, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.inprocess.log_publisher import LogEngineScene, LogPublisher
from testkit.inprocess.mailboxes import S
from testkit.servers.servers import Database
from tests.integration.mailboxes.test_over_http import ANN, Served
from tests.unit.api.streaming.test_bad_frames import BAD, wired

WHAT = (
    "5.1, not masked",
    "5.5, a control frame in fragments",
    "5.5.1, half a code",
    "8.1, text that is no UTF-8",
    "10.4, fragments that are",
    "ours: binary",
)
"""One of each way to end."""


@asynccontextmanager
async def served_on_logs(database: Database) -> AsyncIterator[Served]:
    """A pod, and a seat of a session whose messages are in a log; hints come at once."""
    bus, mailboxes = ScriptedBus(), MemoryMailboxes()
    token = ParticipantTokens([SECRET]).sign(S, ANN)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        open_database(database.url, database.name) as opened,
        serve(settings_for(database, host="127.0.0.1", port=0), buses=Buses(bus, mailboxes)) as url,
        httpx.AsyncClient(base_url=url, headers=headers, timeout=20, trust_env=False) as http,
        open_log_messenger(opened, DatabaseClock(opened), bus.hints) as messenger,
    ):
        await opened["sessions"].insert_one({"_id": S, "engine": "log", "status": "open"})
        scene = LogEngineScene(opened, mailboxes, LogPublisher(messenger), Attachments(opened))
        await scene.seat(ANN)
        yield Served(url, scene, http, token)


async def test_what_is_forbidden_is_closed_with_its_code_and_nothing_behind_it(database: Database, capfd) -> None:
    """However much is on its way to that socket; and all of it is given to who comes again."""
    said: list[str] = []

    async def talk(pod: Served) -> None:
        for number in count():
            said.append(str(number))
            await pod.scene.publisher.to_all(said[-1])

    async with served_on_logs(database) as pod:
        async with alongside(talk(pod)):
            for what in WHAT:
                sent, code = BAD[what]
                async with wired(pod) as wire:
                    wire.writer.write(sent)
                    assert await wire.closed() == code, what
        read, ack = list[str](), "0.0"
        async with asyncio.timeout(20):
            while len(read) < len(said) - 1:  # of the last it is not known whether it was said
                answer = (await pod.get(wait=0, ack=ack, max=500)).json()
                read += [one["id"] for one in answer["messages"]]
                ack = answer["ack"] or ack
        assert len(read) > len(WHAT)
        assert read == said[: len(read)]
    assert capfd.readouterr().err == ""
