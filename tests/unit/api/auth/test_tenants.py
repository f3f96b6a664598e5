"""Tenants: a key of another one gets nothing of a session, by whatever route of the OpenAPI document."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from api.settings import Settings
from callplane.contracts.ids import SessionId
from testkit.fakes.asgi import BY_KEY, KEY, SECRET, Api, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.fakes.scripted_wrapper import OFFER
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of

OTHER_KEY = "another-key-of-the-tests-0123456789abcdef"
OPERATOR_KEY = "an-operators-key-of-the-tests-0123456789"
BY_OTHER, BY_OPERATOR = {"X-API-Key": OTHER_KEY}, {"X-API-Key": OPERATOR_KEY}
KEYS = f"tests:{KEY},other:{OTHER_KEY},ops:{OPERATOR_KEY}"
NAMED = {"session_id": "s", "participant_id": "ada", "connection_id": "c" * 36, "message_id": "m"}
NAMED |= {"identity": "web:ada", "webhook_id": "w", "delivery_id": "d", "tenant": "tests"}
NAMED |= {"name": "kms-1", "letter_id": "l", "collection": "sessions", "key": "00"}
OWN = {
    "post /v1/sessions",
    "get /v1/sessions",
    "get /v1/overview",
    "post /v1/tokens",
    "get /v1/dead-letters",
    "post /v1/webhooks",
    "get /v1/webhooks",
    "get /v1/presence",
    "get /v1/events",
    "get /v1/messages",
    "post /v1/messages/tickets",
    "get /v1/messages/stream",
    "get /v1/messages/socket",
}
"""Routes that name nothing of anybody's: they make or list what is of the caller's own tenant, or are of a seat."""

BODIES: dict[str, Any] = {
    "post /v1/media-servers": {"name": "kms-1", "url": "ws://127.0.0.1:9/kurento"},
    "post /v1/sessions/{session_id}/mute": {"audio": True},
    "patch /v1/tenants/{tenant}": {"quotas": {"seats": 5}},
    "post /v1/keys": {"name": "shop"},
    "patch /v1/media-servers/{name}": {"cordoned": True},
    "post /v1/sessions/{session_id}/connections": {"kind": "publish", "sdp_offer": OFFER},
    "post /v1/sessions/{session_id}/connections/{connection_id}/candidates": {"candidates": []},
    "post /v1/sessions/{session_id}/signals": {"type": "wave"},
    "post /v1/sessions/{session_id}/participants/{participant_id}/report/answer": {"id": "q", "report": {}},
    "patch /v1/sessions/{session_id}": {"metadata": {}},
    "patch /v1/webhooks/{webhook_id}": {"state": "active"},
    "patch /v1/sessions/{session_id}/participants/{participant_id}": {"name": "Ada"},
    "patch /v1/sessions/{session_id}/messages/{message_id}": {"data": "hello"},
    "patch /v1/sessions/{session_id}/state/{key}": {"value": 4},
}


@asynccontextmanager
async def tenants(database: Database, bus: ScriptedBus | None = None, **session: Any) -> AsyncIterator[Api]:
    """An API with the keys of two tenants and an operator's, and the session of one."""
    await session_of(database, **{"tenant": "tests", **session})
    async with api(settings_for(database, api_keys=KEYS, operator_keys="ops"), bus or ScriptedBus()) as it:
        yield it


async def test_no_route_answers_a_key_of_another_tenant_anything_but_404(database: Database) -> None:
    async with tenants(database) as it:
        paths = (await it.http.get("/openapi.json")).json()["paths"]
        answers: dict[str, int] = {}
        for path, method in ((path, method) for path, methods in paths.items() for method in methods):
            route = f"{method} {path}"
            if route not in OWN and path.startswith("/v1/"):
                body = {"json": BODIES.get(route, {})} if "requestBody" in paths[path][method] else {}
                asked = it.http.request(method, path.format(**NAMED), headers=BY_OTHER, **body)
                answers[route] = (await asked).status_code
        assert len(answers) > 25
        assert answers == dict.fromkeys(answers, 404)


async def test_lists_show_what_is_of_ones_tenant(database: Database) -> None:
    seat = {"id": "ada", "identity": "tests:ada"}
    async with tenants(database, participants=[seat]) as it:
        for path, shown in (("/sessions", "sessions"), ("/presence?identity=tests:ada", "presence")):
            by = [(await it.http.get(path, headers=who)).json()[shown] for who in (BY_KEY, BY_OTHER, BY_OPERATOR)]
            assert [len(found) for found in by] == [1, 0, 1], path


async def test_what_serves_all_is_for_operators(database: Database) -> None:
    async with tenants(database) as it:
        for path in ("/media-servers", "/tenants", "/unreadable-documents"):
            answers = [await it.http.get(path, headers=who) for who in (BY_KEY, BY_OPERATOR)]
            assert [answer.status_code for answer in answers] == [404, 200], path
        assert (await it.http.get("/sessions/s", headers=BY_OPERATOR)).status_code == 200


async def test_a_session_of_before_there_were_tenants_is_every_keys(database: Database) -> None:
    await session_of(database)
    async with api(settings_for(database, api_keys=KEYS, operator_keys="ops"), ScriptedBus()) as it:
        for who in (BY_KEY, BY_OTHER, BY_OPERATOR):
            assert (await it.http.get("/sessions/s", headers=who)).status_code == 200
            assert len((await it.http.get("/sessions", headers=who)).json()["sessions"]) == 1


async def test_a_tenant_is_asked_for_once(database: Database) -> None:
    """It never changes: what a key asks of a session costs one read more the first time, and none after that."""
    async with tenants(database) as it, database.client() as client:
        permissions = it.program.services.permissions
        key = it.program.services.credentials.of({"x-api-key": KEY})  # type: ignore[arg-type]
        await permissions.steer(key, SessionId("s"))
        await client[database.name]["sessions"].delete_many({})
        await permissions.steer(key, SessionId("s"))


@pytest.mark.parametrize(
    ("given", "operators"),
    [
        ({"api_keys": f"a:{KEY}"}, {"a"}),
        ({"api_keys": f"a:{KEY},b:{OTHER_KEY}"}, set()),
        ({"api_keys": f"a:{KEY},b:{OTHER_KEY}", "key_tenants": "b:a"}, {"a", "b"}),
        ({"api_keys": f"a:{KEY},b:{OTHER_KEY}", "operator_keys": "b"}, {"b"}),
    ],
)
def test_keys_of_one_tenant_are_operators_unless_some_are_named(given: dict[str, str], operators: set[str]) -> None:
    assert Settings(token_secrets=SECRET, **given).operators == operators
