"""Pages of other sites: let in by the settings, and only those."""

import pytest

from testkit.fakes.asgi import BY_KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database

PAGE = "https://page.example.org"
ASKING = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,idempotency-key"}


async def test_a_page_of_the_settings_may_ask_and_see_the_headers(database: Database) -> None:
    async with api(settings_for(database, cors_origins=PAGE), ScriptedBus()) as it:
        asked = await it.http.options("/sessions", headers={"Origin": PAGE, **ASKING})
        assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, PAGE)
        answer = await it.http.get("/sessions", headers={"Origin": PAGE, **BY_KEY})
        assert answer.headers["access-control-allow-origin"] == PAGE
        shown = answer.headers["access-control-expose-headers"]
        assert {"ETag", "Location", "Retry-After", "X-Request-Id"} == set(shown.split(", "))


@pytest.mark.parametrize("path", ["/sessions", "/nothing"])
async def test_a_refusal_can_be_read_by_the_page_too(database: Database, path: str) -> None:
    async with api(settings_for(database, cors_origins=PAGE), ScriptedBus()) as it:
        for content in (b"{", b" " * 300_000):
            answer = await it.http.post(path, content=content, headers={"Origin": PAGE})
            assert answer.is_client_error
            assert answer.headers["access-control-allow-origin"] == PAGE


async def test_another_page_is_told_with_a_problem_body(database: Database) -> None:
    async with api(settings_for(database, cors_origins=PAGE), ScriptedBus()) as it:
        asked = await it.http.options("/sessions", headers={"Origin": "https://other.example.org", **ASKING})
        assert (asked.status_code, asked.json()["code"]) == (400, "bad-request")
        answer = await it.http.get("/sessions", headers={"Origin": "https://other.example.org", **BY_KEY})
        assert "access-control-allow-origin" not in answer.headers


async def test_without_the_setting_nobody_else_may(database: Database) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        asked = await it.http.options("/sessions", headers={"Origin": PAGE, **ASKING})
        assert (asked.status_code, asked.json()["code"]) == (405, "method-not-allowed")
