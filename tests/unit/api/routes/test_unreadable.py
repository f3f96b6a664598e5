"""Unreadable documents over HTTP: what operators see of them, and how they go."""

from typing import Any

import bson

from testkit.fakes.asgi import BY_KEY, Api, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of

PATH = "/unreadable-documents"


async def listed(it: Api) -> list[dict[str, Any]]:
    """All of them, page after page."""
    documents, cursor = [], ""
    while cursor is not None:
        answer = await it.http.get(PATH, headers=BY_KEY, params={"cursor": cursor} if cursor else {})
        assert answer.status_code == 200, answer.text
        documents += answer.json()["documents"]
        cursor = answer.json()["next"]
    return documents


async def test_each_is_listed_without_what_is_in_it(database: Database) -> None:
    odd = {"_id": 5, "status": "secret", "session_id": "s"}
    await session_of(database)
    await database.write("sessions", {"_id": "bad", "metadata": {"name": "secret"}})
    await database.write("attachments", odd)
    async with api(settings_for(database), ScriptedBus()) as it:
        found = await listed(it)
    assert [(one["collection"], one["id"], one["session_id"]) for one in found] == [
        ("attachments", "5", "s"),
        ("sessions", "bad", "bad"),
    ]
    assert found[1]["why"] == "ValidationError at status, epoch, settings, created_at"
    assert "secret" not in str(found)


async def test_a_session_is_closed_and_anything_else_is_deleted(database: Database) -> None:
    await session_of(database)
    await database.write("sessions", {"_id": "bad", "version": 7, "status": "open"})
    await database.write("connections", {"_id": bson.ObjectId()})
    async with api(settings_for(database), ScriptedBus()) as it:
        for one in await listed(it):
            path = f"{PATH}/{one['collection']}/{one['key']}"
            assert (await it.http.delete(path, headers=BY_KEY)).status_code == 204
        assert await listed(it) == []
        closed = (await it.http.get("/sessions/bad", headers=BY_KEY)).json()
    assert (closed["status"], closed["version"]) == ("closed", 8)
    (left,) = [one for one in await database.documents("sessions") if one["_id"] == "bad"]
    assert [chore["do"] for chore in left["chores"]] == ["sweep-connections", "delete-session"]
    assert left["outbox"][0]["type"] == "session-closed"
    assert await database.documents("connections") == []


async def test_what_can_be_read_stays_and_what_is_none_is_not_found(database: Database) -> None:
    await session_of(database)
    good = bson.encode({"_id": "s"}).hex()
    other = bson.encode({"_id": "nobody"}).hex()
    async with api(settings_for(database), ScriptedBus()) as it:
        for path, status in (
            (f"sessions/{good}", 409),
            (f"sessions/{other}", 404),
            (f"sessions/{bson.encode({'_id': {'$ne': 0}}).hex()}", 404),
            ("sessions/zz", 404),
            ("sessions/00", 404),
            (f"system.users/{other}", 404),
        ):
            assert (await it.http.delete(f"{PATH}/{path}", headers=BY_KEY)).status_code == status, path
        for cursor in ("zz", "00", bson.encode({"in": "system.users"}).hex(), bson.encode({"in": {}}).hex()):
            answer = await it.http.get(PATH, headers=BY_KEY, params={"cursor": cursor})
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
        assert (await it.http.get(PATH)).status_code == 401
        assert (await it.http.get("/sessions/s", headers=BY_KEY)).status_code == 200


async def test_who_asks_for_it_is_told_so(database: Database) -> None:
    await database.write("sessions", {"_id": "bad", "status": "open"})
    async with api(settings_for(database), ScriptedBus()) as it:
        answer = await it.http.get("/sessions/bad", headers=BY_KEY)
        listing = await it.http.get("/sessions", headers=BY_KEY)
    assert (answer.status_code, answer.json()["code"], listing.json()["sessions"]) == (500, "internal", [])
