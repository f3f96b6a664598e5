"""Shared state over HTTP: who may set a key, what a key and a value may be, and what is asked of a wrapper."""

from typing import Any

from testkit.fakes.asgi import BY_KEY, Api, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.fakes.scripted_wrapper import answering
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of

SEATS = [
    {"id": "ada", "role": "publisher"},
    {"id": "mod", "role": "moderator", "grants": {"signal": False}},
    {"id": "eve", "role": "publisher", "grants": {"signal": False}},
]
STATE = [{"key": "slide", "value": {"json": 4}, "version": 3}]


async def said(it: Api, headers: dict[str, str], body: Any, key: str = "slide") -> tuple[int, Any]:
    """Status, and the body or its code."""
    answer = await it.http.patch(f"/sessions/s/state/{key}", json=body, headers=headers)
    return answer.status_code, answer.json().get("code", answer.json())


async def test_who_may_signal_or_moderate_sets_a_key_and_whoever_reads_the_session_reads_it(database: Database) -> None:
    await session_of(database, participants=SEATS, state=STATE)
    bus = ScriptedBus(answering)
    async with api(settings_for(database), bus) as it:
        ada, mod, eve = (it.token("s", who) for who in ("ada", "mod", "eve"))
        for headers in (ada, mod, BY_KEY):
            assert await said(it, headers, {"value": [4]}) == (200, {"key": "slide", "value": [4], "version": 6})
        assert await said(it, eve, {"value": 4}) == (403, "forbidden")
        for path in ("/sessions/s/state", "/sessions/s"):
            read = (await it.http.get(path, headers=eve)).json()
            assert (read["state"], read["version"]) == ({"slide": {"value": {"json": 4}, "version": 3}}, 4)
    sent = [(one.caller.participant_id, one.body.model_dump(exclude={"name"})) for one in bus.commands]
    body = {"key": "slide", "value": [4], "if_version": None}
    assert sent == [("ada", body), ("mod", body), (None, body)]


async def test_keys_and_values_have_bounds(database: Database) -> None:
    await session_of(database, participants=SEATS)
    bus = ScriptedBus(answering)
    async with api(settings_for(database), bus) as it:
        ada = it.token("s", "ada")
        for key in ("$a", ".a", "_a", "a b", "ä", "a" * 65, "__proto__", "%2e%2e"):
            assert await said(it, ada, {"value": 1}, key) in ((422, "invalid"), (404, "not-found")), key
        seen = ({"value": 1, "if_version": version} for version in (-1, "1", 1.5))
        for body in ({}, {"value": "x" * 8191}, *seen, [], {"v": 1}):
            assert await said(it, ada, body) == (422, "invalid"), body
        assert not bus.commands
        for key in ("a", "0", "a.b:c-d_e", "constructor", "a" * 64):
            assert (await said(it, ada, {"value": None, "if_version": 0}, key))[0] == 200, key
