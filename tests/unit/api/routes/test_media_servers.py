"""The pool over HTTP: what operators order, and what they see."""

from typing import Any

import pytest

from callplane.contracts.media import MediaRef
from testkit.fakes.asgi import BY_KEY, Api, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.inprocess.repositories import repositories
from testkit.servers.servers import Database

POOL = "/media-servers"
ONE, TWO = {"name": "one", "url": "ws://10.0.0.1:8888/kurento"}, {"name": "two", "url": "wss://media.example/kurento"}


async def asked(it: Api, method: str, path: str = "", **body: Any) -> tuple[int, Any]:
    """Status and body of one request with the API key."""
    answer = await it.http.request(method, POOL + path, headers=BY_KEY, json=body or None)
    return answer.status_code, answer.json() if answer.content else None


async def called(database: Database, server: str, count: int = 1) -> None:
    """Put calls on a server that is up."""
    async with repositories(database) as store:
        await store.servers.mark_reached(server, "wrapper", "process")
        for number in range(count):
            session = await store.session()
            await store.media.place(session.id, 1, MediaRef(server, f"pipeline {number}"), "process", "a test")


async def test_registered_once_under_one_name(database: Database) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        made = await it.http.post(POOL, json=ONE, headers=BY_KEY)
        assert (made.status_code, made.headers["location"]) == (201, "/media-servers/one")
        fresh = {**ONE, "state": "down", "cordoned": False, "memory": 0, "sessions": 0, "detail": ""}
        fresh |= {"pipelines": None, "server_id": None}
        assert made.json() == fresh
        assert await asked(it, "POST", **ONE) == (200, fresh)
        for other in ({**ONE, "url": TWO["url"]}, {**ONE, "name": "two"}):
            status, problem = await asked(it, "POST", **other)
            assert (status, problem["code"]) == (409, "wrong-state")
        assert (await asked(it, "POST", **TWO))[0] == 201
        status, pool = await asked(it, "GET")
        assert (status, [one["name"] for one in pool["media_servers"]]) == (200, ["one", "two"])
        assert (await asked(it, "GET", "/one"))[1] == fresh
        assert (await asked(it, "GET", "/three"))[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "one"},
        {"name": "", "url": "ws://a"},
        {"name": "a/b", "url": "ws://a"},
        *({"name": "one", "url": url} for url in ("http://a", "ws://", "ws:///x", "ws://a b", "ws://a#b", "ws://u@a")),
        *({"name": "one", "url": f"ws://{host}"} for host in ("a:99999", "a:0", "[::g]", "[1]", "a..b", "x" * 64)),
        {"name": "one", "url": "ws://a", "state": "up"},
    ],
)
async def test_what_is_no_media_server_is_invalid(database: Database, body: dict[str, Any]) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        answer = await it.http.post(POOL, json=body, headers=BY_KEY)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
        assert (await asked(it, "GET"))[1] == {"media_servers": []}


async def test_a_key_belongs_to_one_request(database: Database) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        keyed = {**BY_KEY, "Idempotency-Key": "k" * 16}
        answers = [await it.http.post(POOL, json=body, headers=keyed) for body in (ONE, ONE, TWO)]
        assert [answer.status_code for answer in answers] == [201, 200, 422]
        assert answers[2].json()["code"] == "key-reused"


@pytest.mark.parametrize("url", ["ws://[::1]:8888/kurento", "wss://a.b-c.example", "ws://127.0.0.1:1/x?y=%20z"])
async def test_what_is_one_is_taken(database: Database, url: str) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        assert (await asked(it, "POST", name="[::1]:8888", url=url))[0] == 201
        assert (await asked(it, "GET", "/[::1]:8888"))[0] == 200


async def test_cordon_and_uncordon(database: Database) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        await asked(it, "POST", **ONE)
        for cordoned in (True, True, False):
            status, shown = await asked(it, "PATCH", "/one", cordoned=cordoned)
            assert (status, shown["cordoned"]) == (200, cordoned)
        assert (await asked(it, "PATCH", "/two", cordoned=True))[0] == 404
        for wrong in ({}, {"cordoned": 1}, {"state": "up"}, {"draining": True, "cordoned": False}):
            answer = await it.http.patch(f"{POOL}/one", json=wrong, headers=BY_KEY)
            assert answer.status_code == 422


async def test_draining_shows_while_there_is_somebody_and_says_what_it_waits_for(database: Database) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        await asked(it, "POST", **ONE)
        await asked(it, "POST", **TWO)
        await called(database, "one", 2)
        _, shown = await asked(it, "PATCH", "/one", draining=True)
        assert (shown["state"], shown["cordoned"], shown["sessions"]) == ("draining", True, 2)
        assert "until another media server is up" in shown["detail"]
        async with repositories(database) as store:
            await store.servers.mark_reached("two", "wrapper", "process")
        _, shown = await asked(it, "GET", "/one")
        assert (shown["state"], shown["detail"]) == ("draining", "")
        await asked(it, "PATCH", "/two", cordoned=True)
        assert (await asked(it, "GET", "/one"))[1]["detail"]
        _, stopped = await asked(it, "PATCH", "/one", draining=False)
        assert (stopped["state"], stopped["cordoned"], stopped["detail"]) == ("up", True, "")
        await asked(it, "PATCH", "/one", draining=True)
        _, shown = await asked(it, "PATCH", "/one", cordoned=False)
        assert (shown["state"], shown["cordoned"]) == ("up", False)
        _, empty = await asked(it, "PATCH", "/two", draining=True)
        assert (empty["state"], empty["cordoned"], empty["detail"]) == ("up", True, "")


async def test_removed_when_nobody_is_on_it(database: Database) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        await asked(it, "POST", **ONE)
        await called(database, "one")
        status, problem = await asked(it, "DELETE", "/one")
        assert (status, problem["code"]) == (409, "wrong-state")
        async with repositories(database) as store:
            [session] = await store.sessions.on_server("one", 10)
            await store.media.lose(session, "a test")
        assert await asked(it, "DELETE", "/one") == (204, None)
        assert (await asked(it, "DELETE", "/one"))[0] == 404


async def test_an_api_key_is_needed(database: Database) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        for method, path in (("GET", ""), ("POST", ""), ("GET", "/x"), ("PATCH", "/x"), ("DELETE", "/x")):
            body = {"POST": ONE, "PATCH": {"cordoned": True}}.get(method)
            answer = await it.http.request(method, POOL + path, json=body)
            assert answer.status_code == 401
