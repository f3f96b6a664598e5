"""Graph over HTTP: what it has of the connections of a session, and to whom it names the media server."""

from datetime import UTC, datetime

from bson import Binary

from testkit.fakes.asgi import KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of

AT = "/v1/sessions/s/graph"


async def connection(database: Database, id_: str, **more: object) -> None:
    base = {
        "session_id": "s",
        "participant_id": "ada",
        "offered": True,
        "state": "ready",
        "kind": "publish",
        "epoch": 1,
    }
    await database.write("connections", {"_id": id_, **base, "answer": "v=0", "since": datetime.now(UTC), **more})


async def test_it_has_what_was_offered_and_lives_and_operators_see_where(database: Database) -> None:
    await session_of(database, tenant="shop", server="kms-1", media=Binary(b"x"))
    await connection(database, "c1")
    await connection(database, "c2", participant_id="mod", kind="subscribe", publisher="ada")
    await connection(database, "c3", offered=False)
    await connection(database, "c4", state="released")
    await connection(database, "c5", session_id="another")
    keys = {"api_keys": f"shop:{'s' * 32},other:{KEY},ops:{'o' * 32}", "operator_keys": "ops"}
    async with api(settings_for(database, **keys), ScriptedBus()) as it:
        own, others, ops = [
            await it.http.get(AT, headers={"X-API-Key": secret}) for secret in ("s" * 32, KEY, "o" * 32)
        ]
        nowhere = await it.http.get("/v1/sessions/nowhere/graph", headers={"X-API-Key": "o" * 32})
    assert [one.status_code for one in (own, others, ops, nowhere)] == [200, 404, 200, 404]
    assert [(one["id"], one["participant_id"], one["publisher"]) for one in own.json()["connections"]] == [
        ("c1", "ada", None),
        ("c2", "mod", "ada"),
    ]
    assert "v=0" not in own.text
    assert (own.json()["media_server"], ops.json()["media_server"]) == (None, "kms-1")
    assert own.json()["more"] == 0


async def test_of_very_many_five_hundred_are_named_and_all_are_counted(database: Database) -> None:
    await session_of(database)
    async with database.client() as client:
        base = {"session_id": "s", "participant_id": "ada", "offered": True, "state": "ready", "epoch": 1}
        many = [{"_id": f"c{n}", **base, "kind": "subscribe", "publisher": "mod"} for n in range(503)]
        await client[database.name]["connections"].insert_many(many)
    async with api(settings_for(database), ScriptedBus()) as it:
        found = (await it.http.get(AT, headers={"X-API-Key": KEY})).json()
    assert (len(found["connections"]), found["more"]) == (500, 3)
