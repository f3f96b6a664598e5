"""Sessions over HTTP: what is sent for a request, and what is answered."""

from typing import Any

from pydantic import BaseModel

from callplane.bus.ports import Unroutable
from callplane.contracts.commands import (
    Envelope,
    SessionMade,
)
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import session_made_by
from callplane.contracts.shapes import SessionView
from testkit.fakes.asgi import BY_KEY, Api, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.fakes.scripted_wrapper import answering, session_view
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of


async def test_create_answers_where_it_is_and_which_version(database: Database) -> None:
    bus = ScriptedBus(answering)
    async with api(settings_for(database), bus) as it:
        answer = await it.http.post("/sessions", json={"custom_id": "daily", "grace": 7}, headers=BY_KEY)
    [sent] = bus.commands
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/sessions/{session_made_by(sent.id)}"
    assert answer.headers["etag"] == '"1"'
    assert set(answer.json()) == set(SessionView.model_fields)
    assert (sent.caller.kind, sent.caller.name, sent.session_id) == ("key", "tests", session_made_by(sent.id))
    assert (sent.body.custom_id, sent.body.grace, sent.body.max_participants) == ("daily", 7, 100)


async def test_a_session_that_was_there_is_200(database: Database) -> None:
    async def there(envelope: Envelope) -> BaseModel:
        return SessionMade(session=session_view("s"), created=False)

    async with api(settings_for(database), ScriptedBus(there)) as it:
        answer = await it.http.post("/sessions", json={}, headers=BY_KEY)
    assert (answer.status_code, answer.headers["location"]) == (200, "/sessions/s")


async def test_other_settings_under_the_same_custom_id_are_named(database: Database) -> None:
    """What was not said differs in nothing, and metadata is no setting."""

    async def there(envelope: Envelope) -> BaseModel:
        return SessionMade(session=session_view("s"), created=False)

    async with api(settings_for(database), ScriptedBus(there)) as it:

        async def make(**settings: Any) -> tuple[int, str]:
            answer = await it.http.post("/sessions", json={"custom_id": "daily", **settings}, headers=BY_KEY)
            return answer.status_code, answer.json().get("code", "")

        assert await make() == (200, "")
        assert await make(max_participants=9, grace=1, duplicates="allow", metadata={"a": 1}) == (200, "")
        assert await make(max_participants=100) == (409, "settings-differ")
        answer = await it.http.post(
            "/sessions",
            json={"custom_id": "daily", "grace": 7, "max_participants": 9, "duplicates": "refuse"},
            headers=BY_KEY,
        )
        assert answer.json()["detail"].partition(": ")[2].startswith("grace, duplicates.")


async def test_a_key_makes_every_repeat_the_same_command(database: Database) -> None:
    bus = ScriptedBus(answering)
    async with api(settings_for(database), bus) as it:

        async def make(key: str, path: str = "/sessions", **body: Any) -> int:
            answer = await it.http.post(path, json=body, headers={**BY_KEY, "Idempotency-Key": key})
            return answer.status_code

        assert await make("k" * 16) == await make("k" * 16) == 201
        assert await make("k" * 16, grace=5) == 422
        assert await make("k" * 17) == await make("k" * 16, "/sessions/s/participants") == 201
        assert await make("k" * 15) == await make("k" * 129) == await make("k" * 15 + " ") == 422
    ids = [sent.id for sent in bus.commands]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


async def delete(it: Api, path: str, headers: dict[str, str]) -> int:
    return (await it.http.delete(path, headers=headers)).status_code


async def test_deleting_again_is_204(database: Database) -> None:
    async def closed(_: Envelope) -> BaseModel:
        raise Refusal("session-closed")

    await session_of(database, status="closed")
    async with api(settings_for(database), ScriptedBus(closed)) as it:
        ada, mod, gone = (it.token("s", seat) for seat in ("ada", "mod", "gone"))
        assert await delete(it, "/sessions/s", BY_KEY) == await delete(it, "/sessions/s", mod) == 204
        assert await delete(it, "/sessions/s/participants/ada", ada) == 204
        assert await delete(it, "/sessions/s/participants/gone", gone) == 204
        assert await delete(it, "/sessions/s/connections/c", ada) == 204


async def test_nobody_listens_and_the_store_says_why(database: Database) -> None:
    async def nobody(_: Envelope) -> BaseModel:
        raise Unroutable

    await session_of(database)
    async with api(settings_for(database), ScriptedBus(nobody)) as it:

        async def join(session: str) -> tuple[int, str]:
            answer = await it.http.post(f"/sessions/{session}/participants", json={}, headers=BY_KEY)
            return answer.status_code, answer.json()["code"]

        assert await join("unknown") == (404, "not-found")
        assert await join("s") == (503, "unavailable")
        async with database.client() as client:
            await client[database.name]["sessions"].update_one({"_id": "s"}, {"$set": {"status": "closed"}})
        assert await join("s") == (409, "session-closed")
        # A close that is repeated finds it closed, and once its tombstone is gone too, nothing: a client that was away
        # for so long is told so (tests/chaos/test_odd.py).
        assert await delete(it, "/sessions/s", BY_KEY) == 204
        async with database.client() as client:
            await client[database.name]["sessions"].delete_one({"_id": "s"})
        assert await delete(it, "/sessions/s", BY_KEY) == 404


async def test_what_has_no_queue_of_its_own_is_found_in_its_shard(database: Database) -> None:
    """By an api that publishes to sessions' own queues, while those of the other setting are open."""

    async def in_shards(envelope: Envelope) -> BaseModel:
        if envelope.commands == "per-session":
            raise Unroutable
        return await answering(envelope)

    await session_of(database, commands="sharded")
    bus = ScriptedBus(in_shards)
    async with api(settings_for(database), bus) as it:
        answer = await it.http.patch("/sessions/s", json={"metadata": {}}, headers=BY_KEY)
        assert answer.status_code == 200, answer.text
    assert [sent.commands for sent in bus.commands] == ["per-session", "sharded"]
    assert len({sent.id for sent in bus.commands}) == 1
    bus = ScriptedBus(in_shards)
    async with api(settings_for(database, commands="sharded", mailboxes="log"), bus) as it:
        assert (await it.http.patch("/sessions/s", json={"metadata": {}}, headers=BY_KEY)).status_code == 200
    assert [sent.commands for sent in bus.commands] == ["sharded"]


async def test_lists_and_looks(database: Database) -> None:
    await session_of(database)
    async with api(settings_for(database), ScriptedBus()) as it:
        listed = (await it.http.get("/sessions?limit=1&status=open", headers=BY_KEY)).json()
        assert ([one["id"] for one in listed["sessions"]], listed["next"]) == (["s"], None)
        looked = await it.http.get("/sessions/s", headers=it.token("s", "ada"))
        assert (looked.json(), looked.headers["etag"]) == (listed["sessions"][0], '"4"')
        seat = await it.http.get("/sessions/s/participants/mod", headers=it.token("s", "ada"))
        assert (seat.json()["role"], seat.headers["etag"]) == ("moderator", '"4"')
        assert (await it.http.get("/sessions/s/participants/x", headers=BY_KEY)).status_code == 404
