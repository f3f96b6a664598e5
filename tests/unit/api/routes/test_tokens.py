"""Access tokens that people can make: what is signed is let in as asked, by keys alone, and not for ever."""

import time
from typing import Any

import jwt
import pytest

from testkit.fakes.asgi import BY_KEY, KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of

ASKED = {"session": "daily", "identity": "ada", "role": "moderator", "seconds": 600}


async def test_a_token_that_was_made_is_let_in_where_it_says(database: Database) -> None:
    await session_of(database)
    async with api(settings_for(database), ScriptedBus()) as it:
        made = await it.http.post("/tokens", json=ASKED, headers=BY_KEY)
        assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
        claims = jwt.decode(made.json()["token"], KEY, ["HS256"])
        assert {name: claims[name] for name in ("iss", "sub", "session", "role")} == {
            "iss": "tests",
            "sub": "ada",
            "session": "daily",
            "role": "moderator",
        }
        assert 590 < claims["exp"] - time.time() <= 600
        bearer = {"Authorization": f"Bearer {made.json()['token']}"}
        assert (await it.http.get("/sessions/s", headers=bearer)).status_code == 200
        assert (await it.http.get("/sessions", headers=bearer)).status_code == 403
        for who, status in ((bearer, 403), (it.token("s", "mod"), 403), ({}, 401)):
            assert (await it.http.post("/tokens", json=ASKED, headers=who)).status_code == status


@pytest.mark.parametrize(
    "wrong",
    [{"session": None}, {"session": ""}, {"role": "admin"}, {"seconds": 0}, {"seconds": 700_000}, {"identity": ""}],
)
async def test_nonsense_is_refused_when_it_is_asked_for(database: Database, wrong: dict[str, Any]) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        body = {name: value for name, value in {**ASKED, **wrong}.items() if value is not None}
        answer = await it.http.post("/tokens", json=body, headers=BY_KEY)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
