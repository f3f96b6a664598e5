"""Participants over HTTP: a join and a change, what is sent for them, and what is answered."""

from testkit.fakes.asgi import BY_KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.fakes.scripted_wrapper import answering
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of


async def test_join_answers_a_token_that_works(database: Database) -> None:
    await session_of(database)
    bus = ScriptedBus(answering)
    servers = ({"urls": ["stun:stun.example.org"]},)
    async with api(settings_for(database, ice_servers=servers), bus) as it:
        answer = await it.http.post("/sessions/s/participants", json={"name": "Ada"}, headers=BY_KEY)
        joined = answer.json()
        assert (answer.status_code, answer.headers["etag"]) == (201, '"5"')
        assert answer.headers["location"] == f"/sessions/s/participants/{joined['participant']['id']}"
        assert set(joined) == {"participant", "token", "ice_servers", "session", "connections"}
        assert joined["ice_servers"] == list(servers)
        back = await it.http.post("/sessions/s/participants", json={}, headers=it.token("s", "ada"))
        assert back.status_code == 201
        again = {"Authorization": f"Bearer {back.json()['token']}"}
        assert (await it.http.get("/sessions/s", headers=again)).status_code == 200
    assert [sent.body.participant_id for sent in bus.commands] == [None, "ada"]


async def test_a_patch_names_what_it_changes_and_the_version(database: Database) -> None:
    await session_of(database)
    bus = ScriptedBus(answering)
    async with api(settings_for(database), bus) as it:
        path, headers = "/sessions/s/participants/ada", {**BY_KEY, "If-Match": '"4"'}
        answer = await it.http.patch(path, json={"muted": {"audio": True}}, headers=headers)
        assert (answer.status_code, answer.headers["etag"]) == (200, '"6"')
        await it.http.patch("/sessions/s", json={"grace": 1}, headers={**BY_KEY, "If-Match": "*"})
        assert (await it.http.patch(path, json={"muted": {}}, headers=BY_KEY)).status_code == 422
        assert (await it.http.patch(path, json={"name": None}, headers=BY_KEY)).status_code == 422
    assert [(sent.body.changes, sent.body.if_match) for sent in bus.commands] == [
        ({"muted": {"audio": True}}, 4),
        ({"grace": 1}, None),
    ]
