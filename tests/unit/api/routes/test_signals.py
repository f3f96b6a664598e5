"""Signals over HTTP: straight to the exchange, once under a key."""

import json

import pytest

from callplane.contracts.ids import SessionId
from callplane.store.log.reader import LogReader
from callplane.store.log.records import LogKey
from callplane.store.mongo.database import open_database
from testkit.fakes.asgi import BY_KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of


async def test_a_signal_goes_straight_to_the_exchange(database: Database) -> None:
    await session_of(database)
    bus = ScriptedBus()
    async with api(settings_for(database), bus) as it:
        ada = it.token("s", "ada")
        for body in ({"type": "wave", "data": [1, None]}, {"type": "wave", "to": "mod"}):
            assert (await it.http.post("/sessions/s/signals", json=body, headers=ada)).status_code == 202
        for body in ({"type": "x", "to": "nobody"}, {"type": "x" * 129}, {"type": "x", "data": "y" * 9000}, {}):
            assert (await it.http.post("/sessions/s/signals", json=body, headers=ada)).status_code in (404, 422)
        assert (await it.http.post("/sessions/s/signals", json={"type": "tick"}, headers=BY_KEY)).status_code == 202
    assert [(whom, message.data) for whom, message in bus.published] == [
        ("s", {"from": "ada", "type": "wave", "data": [1, None]}),
        ("mod", {"from": "ada", "type": "wave", "data": None}),
        ("s", {"from": None, "type": "tick", "data": None}),
    ]
    assert not bus.commands


async def test_a_signal_that_is_repeated_under_its_key_has_the_same_id(database: Database) -> None:
    await session_of(database)
    bus = ScriptedBus()
    async with api(settings_for(database), bus) as it:
        once = {**it.token("s", "ada"), "Idempotency-Key": "the-one-and-only-1"}
        sent = [await it.http.post("/sessions/s/signals", json={"type": "wave"}, headers=once) for _ in range(2)]
        other = await it.http.post("/sessions/s/signals", json={"type": "bow"}, headers=once)
        for _ in range(2):
            await it.http.post("/sessions/s/signals", json={"type": "wave"}, headers=it.token("s", "ada"))
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")
    ids = [message.id for _, message in bus.published]
    assert [answer.json()["id"] for answer in sent] == ids[:2]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


@pytest.mark.parametrize("engine", ["queues", "log"])
async def test_a_chat_that_is_not_for_all_says_for_whom_by_either_engine(database: Database, engine: str) -> None:
    await session_of(database, engine=engine)
    bus = ScriptedBus()
    async with api(settings_for(database), bus) as it, open_database(database.url, database.name) as opened:
        for to in (["mod"], None):
            body = {"type": "chat", "data": "psst", **({"to": to} if to else {})}
            assert (
                await it.http.post("/sessions/s/signals", json=body, headers=it.token("s", "ada"))
            ).status_code == 202
        records = await LogReader(opened).chain(LogKey("s", SessionId("s")), 1)
    logged = [json.loads(entry.body)["data"] for record in records for entry in record.entries]
    told = logged if engine == "log" else [message.data for _, message in bus.published]
    assert [one.get("to") for one in told] == [["mod"], None]
