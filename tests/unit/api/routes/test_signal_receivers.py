"""Signals to one, several, roles and all, kept and volatile, on both engines; and what is refused."""

import json
from datetime import timedelta
from typing import Any

import bson
import pytest

from api.dispatch.signals import Signals
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.messages import Message
from callplane.store.attachments import Attachments
from callplane.store.log.place import Place
from callplane.store.log.reader import LogReader
from callplane.store.log.records import LogKey
from callplane.store.mongo.database import open_database
from testkit.fakes.asgi import Api, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of

ROOM = LogKey("s", SessionId("s"))
SEATS = [{"id": name, "role": "publisher"} for name in ("ada", "bob", "eve")] + [{"id": "mod", "role": "moderator"}]


async def said(it: Api, **body: Any) -> tuple[int, str]:
    answer = await it.http.post("/sessions/s/signals", json={"type": "wave", **body}, headers=it.token("s", "ada"))
    return answer.status_code, answer.json().get("code", "")


TO = {
    "one": ("bob", ["bob"]),
    "oneself": ("ada", ["ada"]),
    "several, each once": (["bob", "eve", "bob"], ["bob", "eve"]),
    "a role": ("role:moderator", ["mod"]),
    "a role and an id that has it": (["role:publisher", "ada", "mod"], ["ada", "mod", "bob", "eve"]),
    "a role that nobody has, and somebody": (["role:subscriber", "bob"], ["bob"]),
}


@pytest.mark.parametrize("to", TO)
async def test_whom_a_signal_goes_to_on_queues_and_in_the_log(database: Database, to: str) -> None:
    named, seats = TO[to]
    bus = ScriptedBus()
    await session_of(database, participants=SEATS)
    async with api(settings_for(database), bus) as it, open_database(database.url, database.name) as opened:
        assert (await said(it, to=named))[0] == 202
        assert sorted(whom for whom, _ in bus.published) == sorted(seats)
        assert len({message.id for _, message in bus.published}) == 1
        await opened["sessions"].update_one({"_id": "s"}, {"$set": {"engine": "log"}})
        assert (await said(it, to=named))[0] == 202
        assert (await said(it))[0] == 202
        entries = [entry for _, entry in (await LogReader(opened).page(ROOM, 0, 100)).entries]
    assert [entry.to for entry in entries] == [*seats, None]
    assert len(bus.published) == len(seats)


@pytest.mark.parametrize("engine", ["queues", "log"])
async def test_what_is_refused(database: Database, engine: str) -> None:
    bus = ScriptedBus()
    await session_of(database, participants=SEATS, engine=engine)
    async with api(settings_for(database), bus) as it, open_database(database.url, database.name) as opened:
        for to in ("nobody", ["bob", "nobody"], "role:subscriber", ["role:subscriber"]):
            assert await said(it, to=to) == (404, "not-found"), to
        many = [f"p{n}" for n in range(1000)]
        for to in ([], many, "role:", "role:king", "", " ", 7, [None], {"id": "bob"}, ["bob", 7]):
            assert await said(it, to=to) == (422, "invalid"), to
        for body in ({"ttl_ms": 5}, *({"volatile": True, "ttl_ms": ttl} for ttl in (0, -1, 60_001, 1.5, "5", True))):
            assert await said(it, **body) == (422, "invalid"), body
        await opened["sessions"].update_one({"_id": "s"}, {"$set": {"status": "closed"}})
        assert await said(it, to="bob") == (409, "session-closed")
        assert (await LogReader(opened).head(ROOM)).position == 0
    assert bus.published == []


async def test_a_signal_while_the_session_closes_is_given_before_its_end_or_to_nobody(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session was open when it was read, and its end is told before the signal: 202, and the end is the last."""
    send = Signals.send
    await session_of(database, participants=SEATS, engine="log")
    async with api(settings_for(database), ScriptedBus()) as it, open_database(database.url, database.name) as opened:
        await Attachments(opened).open(SessionId("s"), ParticipantId("bob"), Place())

        async def closed_first(signals: Signals, *sent: Any) -> None:
            await opened["sessions"].update_one({"_id": "s"}, {"$set": {"status": "closed"}})
            end = Message(id="end", type="session-closed", session_id=SessionId("s"), at=sent[1].at, data={})
            await signals._log.to_session(SessionId("s"), [end])
            await send(signals, *sent)

        assert (await said(it, data="in time"))[0] == 202
        monkeypatch.setattr(Signals, "send", closed_first)
        assert (await said(it, data="late"))[0] == 202
        assert await said(it, data="later") == (409, "session-closed")
        entries = [entry.type for _, entry in (await LogReader(opened).page(ROOM, 0, 100)).entries]
        assert entries == ["signal", "session-closed", "signal"]
        answer = await it.http.get("/messages?wait=0", headers=it.token("s", "bob"))
        assert [one["type"] for one in answer.json()["messages"]] == ["signal", "session-closed"]
        query = {"wait": "0", "ack": answer.json()["ack"]}
        over = await it.http.get("/messages", params=query, headers=it.token("s", "bob"))
        assert (over.status_code, over.json()["reason"]) == (410, "session-closed")


async def test_a_mailbox_keeps_everything_so_that_nothing_is_volatile_there(database: Database) -> None:
    await session_of(database, participants=SEATS)
    bus = ScriptedBus()
    async with api(settings_for(database), bus) as it:
        assert await said(it, volatile=True) == (409, "wrong-state")
        assert await said(it, volatile=True, to="bob", ttl_ms=100) == (409, "wrong-state")
    assert bus.published == []


async def test_a_volatile_signal_is_a_hint_until_a_database_time_and_stands_in_no_log(database: Database) -> None:
    await session_of(database, participants=SEATS, engine="log")
    bus, hints = ScriptedBus(), list[dict[str, Any]]()
    async with (
        api(settings_for(database), bus) as it,
        bus.hints.connect(lambda one: hints.append(bson.decode(one))) as link,
    ):
        await link.bind(SessionId("s"))
        before = it.program.services.dispatcher.clock.now()
        for body in ({"ttl_ms": 200}, {"to": ["bob", "role:moderator"]}, {"volatile": False}):
            assert (await said(it, **{"volatile": True, **body}))[0] == 202
        after = it.program.services.dispatcher.clock.now()
    volatile = [hint for hint in hints if "_id" not in hint]
    assert [[entry.get("t") for entry in hint["e"]] for hint in volatile] == [[None], ["bob"], ["mod"]]
    for hint, ttl in zip(volatile, (200, 5000, 5000), strict=True):
        until = bson.decode(bson.encode(hint), bson.CodecOptions(tz_aware=True))["u"]
        assert before - timedelta(seconds=1) < until - timedelta(milliseconds=ttl) <= after
        assert hint["s"] == "s"
    assert [hint["_id"] for hint in hints if "_id" in hint] == ["s:000000000001"], "the one that is kept"


async def test_a_repeat_under_a_key_has_the_same_id_for_everybody_it_names(database: Database) -> None:
    await session_of(database, participants=SEATS, engine="log")
    async with api(settings_for(database), ScriptedBus()) as it, open_database(database.url, database.name) as opened:
        once = {**it.token("s", "ada"), "Idempotency-Key": "the-one-and-only-1"}
        body = {"type": "wave", "to": ["bob", "eve"]}
        sent = {(await it.http.post("/sessions/s/signals", json=body, headers=once)).json()["id"] for _ in range(2)}
        entries = [entry for _, entry in (await LogReader(opened).page(ROOM, 0, 100)).entries]
    (id_,) = sent
    assert {json.loads(entry.body)["id"] for entry in entries} == {id_}
    assert [entry.to for entry in entries] == ["bob", "eve"] * 2


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ({}, ["query sessions", "insert log"]),
        ({"to": ["bob", "role:moderator"]}, ["query sessions", "insert log"]),
        ({"type": "chat"}, ["query sessions", "insert log"]),
        ({"volatile": True}, ["query sessions"]),
    ],
)
async def test_what_a_signal_asks_the_database(database: Database, body: dict[str, Any], asked: list[str]) -> None:
    await session_of(database, participants=SEATS, engine="log", metadata={"much": "x" * 5000})
    async with api(settings_for(database), ScriptedBus()) as it, database.client() as client:
        assert (await said(it))[0] == 202  # from now on the log's head is known
        await client[database.name].command("profile", 2)
        assert (await said(it, **body))[0] == 202
        await client[database.name].command("profile", 0)
        where = {"ns": {"$regex": r"\.(sessions|log|history|commands|attachments)$"}}
        done = await client[database.name]["system.profile"].find(where).sort("ts", 1).to_list()
    assert [f"{one['op']} {one['ns'].rpartition('.')[2]}" for one in done if one["op"] != "update"] == asked
    (read,) = [one for one in done if one["op"] == "query"]
    assert read["responseLength"] < 1500, "the roster alone, not the session"
