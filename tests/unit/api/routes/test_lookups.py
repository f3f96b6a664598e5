"""Lookups: a session by its custom id, a session's participants, a seat's connections."""

from typing import Any

from testkit.fakes.asgi import BY_KEY, Api, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of
from tests.unit.api.auth.test_tenants import BY_OPERATOR, BY_OTHER, tenants


async def shown(it: Api, path: str, headers: dict[str, str]) -> Any:
    """The answer, which is a good one."""
    answer = await it.http.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_session_is_found_by_its_custom_id_by_keys_of_its_tenant(database: Database) -> None:
    async with tenants(database, custom_id="daily") as it:
        for who, found in ((BY_KEY, ["s"]), (BY_OTHER, []), (BY_OPERATOR, [])):
            answer = await shown(it, "/v1/sessions?custom_id=daily", who)
            assert ([one["id"] for one in answer["sessions"]], answer["next"]) == (found, None)
        assert (await shown(it, "/v1/sessions?custom_id=weekly", BY_KEY))["sessions"] == []
        async with database.client() as client:
            await client[database.name]["sessions"].update_one({"_id": "s"}, {"$set": {"status": "closed"}})
        assert (await shown(it, "/v1/sessions?custom_id=daily", BY_KEY))["sessions"] == []


async def test_participants_are_those_of_the_snapshot(database: Database) -> None:
    await session_of(database)
    async with api(settings_for(database), ScriptedBus()) as it:
        session = await shown(it, "/v1/sessions/s", BY_KEY)
        for who in (BY_KEY, it.token("s", "ada")):  # type: ignore[arg-type]
            found = await shown(it, "/v1/sessions/s/participants", who)
            assert found == {"participants": session["participants"], "hidden": []}
        assert session["participants"]
        assert (await it.http.get("/v1/sessions/none/participants", headers=BY_KEY)).status_code == 404


async def test_connections_are_ones_own_and_a_server_says_whose(database: Database) -> None:
    await session_of(database)
    mine = {"session_id": "s", "participant_id": "ada", "offered": True, "kind": "publish", "epoch": 1}
    async with database.client() as client:
        connections = client[database.name]["connections"]
        for id_, more in (("c1", {"state": "ready"}), ("c2", {"state": "released"})):
            await connections.insert_one({"_id": id_, **mine, **more})
    async with api(settings_for(database), ScriptedBus()) as it:
        path, ada = "/v1/sessions/s/connections", it.token("s", "ada")  # type: ignore[arg-type]
        for asked, who in ((path, ada), (f"{path}?participant_id=ada", ada), (f"{path}?participant_id=ada", BY_KEY)):
            assert [one["id"] for one in (await shown(it, asked, who))["connections"]] == ["c1"]
        assert (await it.http.get(f"{path}?participant_id=bob", headers=ada)).status_code == 403
        assert (await it.http.get(path, headers=BY_KEY)).status_code == 422
