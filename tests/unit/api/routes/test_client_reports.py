"""Client reports over HTTP: who asks, what goes to whom, which answer is taken, and how long."""

from datetime import datetime, timedelta

from callplane.contracts.ids import ParticipantId, SessionId
from testkit.fakes.asgi import BY_KEY, KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of

AT = "/v1/sessions/s/participants/ada/report"
S = SessionId("s")
_when = datetime.fromisoformat
"""Times are not compared as they are written: without a fraction of a second ``Z`` comes where others have a point."""
REPORT = {"agent": "Browser", "$set": {"a.b": 10**20}, "connections": []}


async def test_a_client_is_asked_and_its_answer_is_read(database: Database) -> None:
    await session_of(database)
    bus = ScriptedBus()
    async with api(settings_for(database), bus) as it:
        ada, mod = (it.token(S, ParticipantId(one)) for one in ("ada", "mod"))
        assert (await it.http.get(AT, headers=BY_KEY)).status_code == 404
        asked = await it.http.post(AT, headers=BY_KEY)
        [(receiver, question)] = bus.published
        assert asked.status_code == 202
        assert (receiver, question.data) == (
            "ada",
            {"from": None, "type": "callplane.report", "data": {"id": asked.json()["id"]}},
        )
        before = (await it.http.get(AT, headers=BY_KEY)).json()
        assert (before["report"], before["answered_at"]) == (None, None)
        body = {"id": asked.json()["id"], "report": REPORT}
        answers = [
            await it.http.post(f"{AT}/answer", json={**body, "id": "another"}, headers=ada),
            await it.http.post(f"{AT}/answer", json=body, headers=mod),
            await it.http.post(f"{AT}/answer", json=body, headers=BY_KEY),
            await it.http.post(f"{AT}/answer", json={**body, "report": {"a": "x" * 30_000}}, headers=ada),
            await it.http.post(f"{AT}/answer", json=body, headers=ada),
            await it.http.post(f"{AT}/answer", json=body, headers=ada),
        ]
        assert [one.status_code for one in answers] == [404, 404, 403, 422, 204, 404]
        found = (await it.http.get(AT, headers=BY_KEY)).json()
        assert found["report"] == REPORT
        assert _when(found["answered_at"]) >= _when(found["asked_at"])
        # Asked anew: what was known stays until there is more.
        await it.http.post(AT, headers=BY_KEY)
        again = (await it.http.get(AT, headers=BY_KEY)).json()
        assert again["report"] == REPORT
        assert _when(again["answered_at"]) < _when(again["asked_at"])


async def test_an_answer_that_comes_late_is_not_taken(database: Database) -> None:
    await session_of(database)
    async with api(settings_for(database), ScriptedBus()) as it:
        asked = (await it.http.post(AT, headers=BY_KEY)).json()["id"]
        async with database.client() as client:
            reports = client[database.name]["client_reports"]
            kept = await reports.find_one({"_id": "ada"})
            assert kept is not None
            assert kept["expires_at"] - kept["asked_at"] == timedelta(minutes=10)
            await reports.update_one({}, {"$set": {"asked_at": kept["asked_at"] - timedelta(seconds=61)}})
        body = {"id": asked, "report": REPORT}
        late = await it.http.post(f"{AT}/answer", json=body, headers=it.token(S, ParticipantId("ada")))
    assert late.status_code == 404


async def test_keys_of_the_tenant_alone_ask_and_read(database: Database) -> None:
    await session_of(database, tenant="shop")
    keys = {"api_keys": f"shop:{'s' * 32},other:{KEY},ops:{'o' * 32}", "operator_keys": "ops"}
    bus = ScriptedBus()
    async with api(settings_for(database, **keys), bus) as it:
        by = {name: {"X-API-Key": secret} for name, secret in (("shop", "s" * 32), ("other", KEY), ("ops", "o" * 32))}
        by |= {"mod": it.token(S, ParticipantId("mod")), "nobody": {}}
        got = {
            who: [(await it.http.post(AT, headers=head)).status_code, (await it.http.get(AT, headers=head)).status_code]
            for who, head in by.items()
        }
        gone = await it.http.post("/v1/sessions/s/participants/eve/report", headers=by["shop"])
    assert got == {
        "shop": [202, 200],
        "other": [404, 404],
        "ops": [202, 200],
        "mod": [403, 403],
        "nobody": [401, 401],
    }
    assert gone.status_code == 404
    assert len(bus.published) == 2
