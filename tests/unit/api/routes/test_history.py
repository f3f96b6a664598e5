"""Chat over HTTP: read by its parties, edited by who wrote it, deleted by them and moderators; and what is refused."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from callplane.contracts.ids import SessionId
from callplane.store.log.reader import LogReader
from callplane.store.log.records import LogKey
from callplane.store.mongo.database import Database as Opened
from callplane.store.mongo.database import open_database
from testkit.fakes.asgi import BY_KEY, Api, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of
from tests.unit.api.routes.test_signal_receivers import SEATS

ROOM = LogKey("s", SessionId("s"))
MESSAGES = "/sessions/s/messages"


class Room:
    """A session of the log engine, and what its participants ask."""

    def __init__(self, it: Api, opened: Opened) -> None:
        self.it = it
        self.opened = opened

    def by(self, who: str) -> dict[str, str]:
        return BY_KEY if who == "server" else self.it.token("s", who)

    async def say(self, who: str, text: str, **more: Any) -> str:
        body = {"type": "chat", "data": text, **more}
        sent = await self.it.http.post("/sessions/s/signals", json=body, headers=self.by(who))
        assert sent.status_code == 202, sent.text
        return str(sent.json()["id"])

    async def edit(self, who: str, message: str, text: str) -> int:
        answer = await self.it.http.patch(f"{MESSAGES}/{message}", json={"data": text}, headers=self.by(who))
        return answer.status_code

    async def delete(self, who: str, message: str) -> int:
        return (await self.it.http.delete(f"{MESSAGES}/{message}", headers=self.by(who))).status_code

    async def page(self, who: str, **query: Any) -> dict[str, Any]:
        answer = await self.it.http.get(MESSAGES, params=query, headers=self.by(who))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def read(self, who: str, **query: Any) -> list[Any]:
        return [one["data"] for one in (await self.page(who, **query))["messages"]]


@asynccontextmanager
async def room(database: Database, **fields: Any) -> AsyncIterator[Room]:
    await session_of(database, **{"participants": SEATS, "engine": "log", **fields})
    async with api(settings_for(database), ScriptedBus()) as it, open_database(database.url, database.name) as opened:
        yield Room(it, opened)


async def test_chat_is_read_by_its_parties_as_it_is_now(database: Database) -> None:
    async with room(database) as it:
        first = await it.say("ada", "one")
        await it.it.http.post("/sessions/s/signals", json={"type": "wave"}, headers=it.by("ada"))
        private = await it.say("ada", "for two", to=["bob", "role:moderator"])
        await it.say("server", "news")
        assert await it.read("ada") == await it.read("mod") == await it.read("server") == ["one", "for two", "news"]
        assert await it.read("eve") == ["one", "news"]
        assert await it.edit("ada", first, "won") == 202
        assert await it.edit("ada", private, "for both") == 202
        assert await it.read("bob") == ["won", "for both", "news"]
        assert await it.delete("mod", first) == 204
        page = await it.page("bob")
        assert [(one["deleted"], one["from"], one["to"]) for one in page["messages"]] == [
            (True, None, None),
            (False, "ada", ["bob", "mod"]),
            (False, None, None),
        ]
        assert "won" not in str(page)
        assert page["messages"][1]["edited_at"] > page["messages"][1]["at"]
        told = [
            (entry.to, entry.kept.does) for _, entry in await entries(it) if entry.kept and entry.kept.does != "chat"
        ]
        assert told == [(None, "edit"), ("ada", "edit"), (None, "delete")], "it is kept once, whoever it is for"
        assert [entry.to for _, entry in await entries(it)][-4:] == ["ada", "bob", "mod", None]


async def entries(it: Room) -> list[tuple[int, Any]]:
    return list((await LogReader(it.opened).page(ROOM, 0, 100)).entries)


async def test_who_may_change_what(database: Database) -> None:
    async with room(database) as it:
        mine, private = await it.say("ada", "mine"), await it.say("ada", "private", to="bob")
        for who, message, status in (
            *(("bob", mine, 403), ("mod", mine, 403), ("server", mine, 403)),
            *(("bob", private, 403), ("eve", private, 404), ("mod", private, 404), ("ada", "nothing", 404)),
        ):
            assert await it.edit(who, message, "not mine") == status, (who, message)
        assert [await it.delete(who, mine) for who in ("bob", "eve")] == [403, 403]
        assert [await it.delete(who, private) for who in ("bob", "eve")] == [403, 404]
        assert await it.read("bob") == ["mine", "private"]
        assert [await it.delete(who, private) for who in ("mod", "ada", "mod")] == [204, 204, 204]
        assert await it.delete("server", mine) == 204
        assert await it.edit("ada", mine, "again") == 404
        assert await it.read("bob") == [None, None]


async def test_pages_and_what_is_no_place(database: Database) -> None:
    async with room(database) as it:
        for n in range(7):
            await it.say("ada", str(n))
        assert await it.read("bob", limit=2) == ["5", "6"]
        last = await it.page("bob", limit=2)
        assert await it.read("bob", limit=3, before=last["next"]) == ["2", "3", "4"]
        assert await it.read("bob", after=5) == ["5", "6"]
        assert (await it.page("bob", after=5))["next"] is None
        assert await it.read("bob", before="3.17") == ["0", "1", "2"], "a reader's token: what it has read of it"
        assert await it.read("bob", after="3.17", type="chat") == ["3", "4", "5", "6"]
        assert await it.read("bob", after=99999) == []
        bad: list[dict[str, Any]] = [{"limit": 0}, {"limit": 501}, {"after": "-1"}, {"before": "x"}, {"type": "wave"}]
        for query in [*bad, {"after": "1" * 13}, {"after": "1.2.3"}, {"colour": "red"}]:
            assert (await it.it.http.get(MESSAGES, params=query, headers=it.by("bob"))).status_code == 422, query


async def test_a_volatile_chat_is_not_kept_and_reserved_types_are_refused(database: Database) -> None:
    async with room(database) as it:
        await it.say("ada", "gone", volatile=True)
        assert await it.read("ada") == []
        for kind in ("chat-edit", "chat-delete"):
            forged = {"type": kind, "data": {"id": "x"}}
            answer = await it.it.http.post("/sessions/s/signals", json=forged, headers=it.by("bob"))
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
        assert await entries(it) == []


async def test_a_closed_session_is_read_and_not_changed_and_a_deleted_one_by_servers(database: Database) -> None:
    async with room(database) as it:
        message = await it.say("ada", "said")
        await it.opened["sessions"].update_one({"_id": "s"}, {"$set": {"status": "closed"}})
        assert await it.read("ada") == ["said"]
        assert (await it.edit("ada", message, "x"), await it.delete("ada", message)) == (409, 409)
        await it.opened["sessions"].delete_one({"_id": "s"})
        asked = [(await it.it.http.get(MESSAGES, headers=it.by(who))).status_code for who in ("ada", "server")]
        assert asked == [404, 404], "nothing was kept"
        await it.opened["history"].insert_one({"_id": "s:000000000001", "s": "s", "m": "m", "w": "chat"})
        asked = [(await it.it.http.get(MESSAGES, headers=it.by(who))).status_code for who in ("ada", "server")]
        assert asked == [404, 200]


@pytest.mark.parametrize("who", ["ada", "server"])
async def test_the_queues_keep_nothing(database: Database, who: str) -> None:
    async with room(database, engine="queues") as it:
        message = await it.say("ada", "said")
        answer = await it.it.http.get(MESSAGES, headers=it.by(who))
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong-state")
        assert (await it.edit(who, message, "x"), await it.delete(who, message)) == (409, 409)


async def test_strangers_and_gone_seats(database: Database) -> None:
    async with room(database) as it:
        answers = [
            (await it.it.http.get(MESSAGES, headers=headers)).json()["code"]
            for headers in ({}, it.by("kicked"), it.by("gone"), it.it.token("t", "ada"))
        ]
        assert answers == ["unauthorized", "kicked", "join-again", "forbidden"]
