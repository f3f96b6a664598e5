"""A repeat of long ago is answered from the state, and sent nowhere."""

from datetime import timedelta
from typing import Any

import pytest

from api.dispatch.late_repeats import ANSWERS, LateRepeats, answers_late
from callplane.contracts.commands import Done, Envelope, Join, Joined
from callplane.contracts.ids import connection_made_by
from callplane.contracts.registry import commands
from testkit.fakes.asgi import BY_KEY, Api, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.fakes.scripted_wrapper import OFFER, answering
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of

KEYED = {"Idempotency-Key": "the-one-and-only-1"}


async def aged(database: Database, minutes: float) -> None:
    """Let every record be older."""
    async with database.client() as client:
        commands = client[database.name]["commands"]
        async for record in commands.find():
            at = record["at"] - timedelta(minutes=minutes)
            await commands.update_one({"_id": record["_id"]}, {"$set": {"at": at}})


async def put(database: Database, collection: str, document: dict[str, Any]) -> None:
    """What a wrapper would have written."""
    async with database.client() as client:
        await client[database.name][collection].replace_one({"_id": document["_id"]}, document, upsert=True)


async def once(it: Api, path: str, body: Any, who: dict[str, str], method: str = "POST") -> tuple[int, Any]:
    answer = await it.http.request(method, path, json=body, headers={**who, **KEYED})
    return answer.status_code, answer.json()


def test_every_command_of_the_product_that_returns_something_has_a_late_answer() -> None:
    ours = [one for one in commands() if one.__module__.startswith("callplane.") and one.reply_type() is not Done]
    assert len(ours) >= 6
    assert [one.__name__ for one in ours if one not in ANSWERS] == []


def test_a_second_late_answer_is_refused_where_it_is_written() -> None:
    with pytest.raises(TypeError, match="Join"):

        @answers_late(Join)
        async def other(_envelope: Envelope, _command: Join, _state: LateRepeats) -> Joined | None:
            return None


async def test_ten_minutes_make_the_difference(database: Database) -> None:
    """Until then a repeat goes to a wrapper, which knows it by its id."""
    await session_of(database)
    bus = ScriptedBus(answering)
    async with api(settings_for(database), bus) as it:
        for minutes, sent in ((0, 1), (9.5, 2), (1, 2), (23 * 60, 2)):
            await aged(database, minutes)
            status, body = await once(it, "/sessions/s", {"metadata": {"n": 1}}, BY_KEY, "PATCH")
            assert (status, len(bus.commands)) == (200, sent)
        assert (body["id"], body["version"], body["metadata"]) == ("s", 4, {})
        assert (await once(it, "/sessions/s", {"metadata": {"n": 2}}, BY_KEY, "PATCH"))[0] == 422


async def test_a_session_that_was_made(database: Database) -> None:
    """By its id, or by its custom id when another's it was; gone, it is not made again."""
    await session_of(database)
    bus = ScriptedBus(answering)
    async with api(settings_for(database), bus) as it:
        status, made = await once(it, "/sessions", {"custom_id": "daily"}, BY_KEY)
        await aged(database, 11)
        assert (await once(it, "/sessions", {"custom_id": "daily"}, BY_KEY))[1]["id"] == "s"
        async with database.client() as client:
            mine = await client[database.name]["sessions"].find_one({"_id": "s"})
        assert mine is not None
        await put(database, "sessions", {**mine, "_id": made["id"], "custom_id": "mine"})
        status, again = await once(it, "/sessions", {"custom_id": "daily"}, BY_KEY)
        assert (status, again["id"]) == (201, made["id"])
        async with database.client() as client:
            await client[database.name]["sessions"].delete_many({})
        status, problem = await once(it, "/sessions", {"custom_id": "daily"}, BY_KEY)
        assert (status, problem["code"], len(bus.commands)) == (404, "not-found", 1)


async def test_a_seat_that_was_taken(database: Database) -> None:
    """The same seat and token as long as it is there; then 410, or the reason that is nearer."""
    await session_of(database)
    bus = ScriptedBus(answering)
    async with api(settings_for(database), bus) as it:
        join, ada = "/sessions/s/participants", it.token("s", "ada")
        status, first = await once(it, join, {}, ada)
        await once(it, join, {}, BY_KEY)
        await aged(database, 11)
        status, again = await once(it, join, {}, ada)
        assert (status, again["participant"]["id"], again["token"]) == (201, "ada", first["token"])
        assert [one["id"] for one in again["session"]["participants"]] == ["ada", "mod"]
        status, problem = await once(it, join, {}, BY_KEY)
        assert (status, problem["code"], len(bus.commands)) == (410, "join-again", 2)
        changed = await once(it, f"{join}/ada", {"name": "Ada"}, ada, "PATCH")
        await aged(database, 11)
        assert changed[0] == (await once(it, f"{join}/ada", {"name": "Ada"}, ada, "PATCH"))[0] == 200
        assert len(bus.commands) == 3
        async with database.client() as client:
            await client[database.name]["sessions"].update_one({"_id": "s"}, {"$set": {"status": "closed"}})
        assert (await once(it, join, {}, BY_KEY))[1]["code"] == "session-closed"


@pytest.mark.parametrize(
    ("state", "status", "code"), [("ready", 201, None), ("negotiating", 202, None), ("released", 409, "wrong-state")]
)
async def test_a_connection_that_was_offered(database: Database, state: str, status: int, code: str | None) -> None:
    """With its answer; still on its way; or stopped, and not made anew."""
    await session_of(database)
    bus = ScriptedBus(answering)
    async with api(settings_for(database), bus) as it:
        path, ada = "/sessions/s/connections", it.token("s", "ada")
        offer = {"kind": "publish", "sdp_offer": OFFER}
        assert (await once(it, path, offer, ada))[0] == 201
        connection_id = connection_made_by(bus.commands[0].id)
        mine = {"_id": connection_id, "session_id": "s", "participant_id": "ada", "kind": "publish", "offered": True}
        await put(database, "connections", {**mine, "state": state, "epoch": 1, "answer": "v=0"})
        await aged(database, 11)
        got, body = await once(it, path, offer, ada)
        assert (got, body.get("code"), len(bus.commands)) == (status, code, 1)
        assert code or body["id"] == connection_id


async def test_a_signal_is_not_said_again(database: Database) -> None:
    """Its readers may have forgotten its id by now."""
    await session_of(database)
    bus = ScriptedBus(answering)
    async with api(settings_for(database), bus) as it:
        wave = {"type": "wave", "data": 1}
        first = await once(it, "/sessions/s/signals", wave, it.token("s", "ada"))
        await aged(database, 11)
        assert await once(it, "/sessions/s/signals", wave, it.token("s", "ada")) == first
        assert (first[0], len(bus.published)) == (202, 1)
