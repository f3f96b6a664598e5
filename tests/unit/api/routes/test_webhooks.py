"""Webhooks over HTTP: secrets are shown once, tenants see their own, and URLs are judged where they come in."""

import base64
from typing import Any

import pytest

from api.settings import Settings
from testkit.fakes.asgi import Api, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database

SECRET_OF = {name: f"{name}-of-the-tests-0123456789abcdef0123456789abcdef" for name in ("one", "two", "ops")}
ONE, TWO, OPS = ({"X-API-Key": SECRET_OF[name]} for name in ("one", "two", "ops"))
URL = "https://hooks.example.com/callplane"


def settings(database: Database, **more: Any) -> Settings:
    """Keys of two tenants, and an operator's."""
    keys = ",".join(f"{name}:{secret}" for name, secret in SECRET_OF.items())
    return settings_for(database, api_keys=keys, operator_keys="ops", **more)


async def made(it: Api, who: dict[str, str] = ONE, **body: Any) -> dict[str, Any]:
    """An endpoint."""
    answer = await it.http.post("/v1/webhooks", json={"url": URL, **body}, headers=who)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_secret_is_shown_when_it_is_made_and_never_again(database: Database) -> None:
    async with api(settings(database), ScriptedBus()) as it:
        webhook = await made(it, types=["participant-joined"])
        path = f"/v1/webhooks/{webhook['id']}"
        first = webhook.pop("secret")
        assert first.startswith("whsec_")
        assert (await it.http.get(path, headers=ONE)).json() == webhook
        assert (await it.http.get("/v1/webhooks", headers=ONE)).json() == {"webhooks": [webhook]}
        key = {"Idempotency-Key": "rotation-of-the-tests"}
        rotated = [await it.http.post(f"{path}/rotate", json={"overlap": 60}, headers=ONE | key) for _ in range(2)]
        assert rotated[0].json() == rotated[1].json(), "a repeat rotates once"
        assert rotated[0].headers["cache-control"] == "no-store"
        second = rotated[0].json()
        assert second["secret"] not in (first, None)
        assert second["old_secrets_until"] is not None
        assert "secret" not in (await it.http.get(path, headers=ONE)).json()
    [kept] = await database.documents("webhooks")
    assert [one["value"] for one in kept["secrets"]] == [second["secret"], first]


async def test_a_repeat_under_a_key_makes_one(database: Database) -> None:
    async with api(settings(database), ScriptedBus()) as it:
        key = {"Idempotency-Key": "creation-of-the-tests"}
        answers = [await it.http.post("/v1/webhooks", json={"url": URL}, headers=ONE | key) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 200]
        assert answers[0].json() == answers[1].json()
        other = await it.http.post("/v1/webhooks", json={"url": f"{URL}/x"}, headers=ONE | key)
        assert other.status_code == 422


async def test_a_secret_of_the_callers_own_signs_and_is_shown_as_any_other(database: Database) -> None:
    first, second = (f"whsec_{base64.b64encode(bytes([n]) * 32).decode()}" for n in (1, 2))
    async with api(settings(database), ScriptedBus()) as it:
        key = {"Idempotency-Key": "creation-with-a-secret"}
        body = {"url": URL, "secret": first}
        answers = [await it.http.post("/v1/webhooks", json=body, headers=ONE | key) for _ in range(2)]
        assert [(one.status_code, one.json()["secret"]) for one in answers] == [(201, first), (200, first)]
        other = await it.http.post("/v1/webhooks", json={"url": URL, "secret": second}, headers=ONE | key)
        assert (other.status_code, other.json()["code"]) == (422, "key-reused")
        path = f"/v1/webhooks/{answers[0].json()['id']}"
        assert first not in (await it.http.get(path, headers=ONE)).text
        rotated = await it.http.post(f"{path}/rotate", json={"overlap": 60, "secret": second}, headers=ONE)
        assert rotated.json()["secret"] == second
    [kept] = await database.documents("webhooks")
    assert [one["value"] for one in kept["secrets"]] == [second, first]


@pytest.mark.parametrize("secret", ["", "mine", "whsec_bWluZQ==", "whsec_" + "A" * 31, "whsec_" + "A" * 200, 7])
async def test_a_secret_that_is_none_is_refused_in_words_that_help(database: Database, secret: Any) -> None:
    async with api(settings(database), ScriptedBus()) as it:
        refused = await it.http.post("/v1/webhooks", json={"url": URL, "secret": secret}, headers=ONE)
        path = f"/v1/webhooks/{(await made(it))['id']}"
        rotated = await it.http.post(f"{path}/rotate", json={"secret": secret}, headers=ONE)
    for answer in (refused, rotated):
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
        assert "secret" in answer.text
    assert len(await database.documents("webhooks")) == 1


async def test_what_is_another_tenants_is_not_there(database: Database) -> None:
    async with api(settings(database), ScriptedBus()) as it:
        webhook = await made(it)
        path = f"/v1/webhooks/{webhook['id']}"
        sent = (await it.http.post(f"{path}/test", headers=ONE)).json()
        asked: list[tuple[str, str, Any]] = [
            ("GET", path, None),
            ("PATCH", path, {"url": f"{URL}/taken"}),
            ("DELETE", path, None),
            ("POST", f"{path}/test", None),
            ("POST", f"{path}/rotate", {}),
            ("GET", f"{path}/deliveries", None),
            ("GET", f"{path}/deliveries/{sent['id']}", None),
            ("GET", f"{path}/deliveries/{sent['id']}/attempts", None),
            ("POST", f"{path}/deliveries/{sent['id']}/replay", None),
            ("POST", f"{path}/replay", {}),
        ]
        for method, where, body in asked:
            assert (await it.http.request(method, where, json=body, headers=TWO)).status_code == 404, (method, where)
        assert (await it.http.get("/v1/webhooks", headers=TWO)).json() == {"webhooks": []}
        assert len((await it.http.get("/v1/webhooks", headers=OPS)).json()["webhooks"]) == 1
        for who in (it.token("s", "ada"), {}):
            assert (await it.http.get("/v1/webhooks", headers=who)).status_code in (401, 403)
        assert (await it.http.get(f"{path}/deliveries", headers=ONE)).json()["deliveries"] == [sent]


@pytest.mark.parametrize(
    "url", ["http://hooks.example.com/", "https://10.0.0.1/", "https://a@b.example/", "x", URL + "#a"]
)
async def test_a_url_that_nothing_is_sent_to_is_refused(database: Database, url: str) -> None:
    async with api(settings(database), ScriptedBus()) as it:
        answer = await it.http.post("/v1/webhooks", json={"url": url}, headers=ONE)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
        webhook = await made(it)
        changed = await it.http.patch(f"/v1/webhooks/{webhook['id']}", json={"url": url}, headers=ONE)
        assert changed.status_code == 422


async def test_a_tenant_has_so_many(database: Database) -> None:
    async with api(settings(database), ScriptedBus()) as it:
        await database.write("webhooks", *({"_id": str(n), "tenant": "one"} for n in range(49)))
        key = {"Idempotency-Key": "the-last-of-this-tenant"}
        last = [await it.http.post("/v1/webhooks", json={"url": URL}, headers=ONE | key) for _ in range(2)]
        assert [answer.status_code for answer in last] == [201, 200], "a repeat finds the one that it has made"
        answer = await it.http.post("/v1/webhooks", json={"url": URL}, headers=ONE)
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong-state")
        await made(it, TWO)


async def test_disabled_it_is_not_tested_and_removed_it_is_gone_with_its_deliveries(database: Database) -> None:
    async with api(settings(database), ScriptedBus()) as it:
        webhook = await made(it)
        path = f"/v1/webhooks/{webhook['id']}"
        assert (await it.http.post(f"{path}/test", headers=ONE)).status_code == 202
        assert (await it.http.patch(path, json={"state": "disabled"}, headers=ONE)).json()["state"] == "disabled"
        assert (await it.http.post(f"{path}/test", headers=ONE)).status_code == 409
        assert (await it.http.delete(path, headers=ONE)).status_code == 204
        assert (await it.http.delete(path, headers=ONE)).status_code == 404
    counts = await database.counts()
    assert [counts.get(name, 0) for name in ("webhooks", "webhook_deliveries", "webhook_lanes")] == [0, 0, 0]


async def test_deliveries_come_in_pages_and_a_span_is_sent_again(database: Database) -> None:
    async with api(settings(database), ScriptedBus()) as it:
        webhook = await made(it)
        path = f"/v1/webhooks/{webhook['id']}"
        sent = [(await it.http.post(f"{path}/test", headers=ONE)).json()["id"] for _ in range(5)]
        async with database.client() as client:
            deliveries, lanes = client[database.name]["webhook_deliveries"], client[database.name]["webhook_lanes"]
            await deliveries.update_many({"_id": {"$in": sent[1:3]}}, {"$set": {"state": "dead"}})
            await lanes.delete_many({})
        first = (await it.http.get(f"{path}/deliveries", params={"limit": 3}, headers=ONE)).json()
        rest = await it.http.get(f"{path}/deliveries", params={"limit": 3, "after": first["next"]}, headers=ONE)
        last = await it.http.get(f"{path}/deliveries", params={"limit": 3, "order": "newest"}, headers=ONE)
        before = {"limit": 3, "order": "newest", "after": last.json()["next"]}
        others = await it.http.get(f"{path}/deliveries", params=before, headers=ONE)
        assert [one["id"] for one in first["deliveries"] + rest.json()["deliveries"]] == sent
        assert rest.json()["next"] is None
        assert [one["id"] for one in last.json()["deliveries"] + others.json()["deliveries"]] == sent[::-1]
        body = {"from": "2026-01-05T09:00:00Z", "to": "9999-01-01T00:00:00Z"}
        again = await it.http.post(f"{path}/replay", json=body, headers=ONE)
        assert (again.status_code, again.json()) == (202, {"replayed": 2, "next": None})
        assert {one["state"] for one in await database.documents("webhook_deliveries")} == {"pending"}
        assert len(await database.documents("webhook_lanes")) == 1
        nothing = await it.http.post(f"{path}/replay", json={"to": "2026-01-05T09:00:00Z"}, headers=ONE)
        assert nothing.json() == {"replayed": 0, "next": None}
