"""Presence over HTTP: what is said of oneself, who is named how, and who sees whom."""

import json
import time
from typing import Any

import jwt
import pytest

from testkit.fakes.asgi import BY_KEY, KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.fakes.scripted_wrapper import answering
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of

SEATS = [
    {"id": "ada", "name": "Ada", "identity": "tests:ada", "presence": {"show": "dnd"}, "metadata": {"$a": 1}},
    {"id": "mod", "role": "moderator"},
]
PATH = "/sessions/s/participants/ada"


def access(**claims: Any) -> dict[str, str]:
    """Headers with an access token of the key ``tests``."""
    body = {"iss": "tests", "sub": "ada", "session": "*", "exp": int(time.time()) + 60, **claims}
    return {"Authorization": f"Bearer {jwt.encode(body, KEY, 'HS256')}"}


async def test_an_identity_is_found_where_it_sits_and_the_caller_may_look(database: Database) -> None:
    await session_of(database, participants=SEATS)
    async with api(settings_for(database), ScriptedBus(answering)) as it:

        async def asked(headers: dict[str, str], identity: str = "tests:ada") -> list[str]:
            answer = await it.http.get("/presence", params={"identity": identity}, headers=headers)
            assert answer.status_code == 200, answer.text
            return [one["participant_id"] for one in answer.json()["presence"]]

        assert await asked(BY_KEY) == await asked(access()) == await asked(access(session="daily")) == ["ada"]
        assert await asked(it.token("s", "mod")) == await asked(access(session="s")) == ["ada"]
        assert await asked(access(session="weekly")) == await asked(BY_KEY, "tests:$ada") == []
        [one] = (await it.http.get("/presence", params={"identity": "tests:ada"}, headers=BY_KEY)).json()["presence"]
        assert (one["session_id"], one["presence"]) == ("s", {"show": "dnd", "status": "", "until": None})
        refused = await it.http.get("/presence", params={"identity": ""}, headers=BY_KEY)
        assert refused.status_code == 422


async def test_a_session_shows_everybody_and_nobody_is_named_in_it(database: Database) -> None:
    await session_of(database, participants=SEATS)
    async with api(settings_for(database), ScriptedBus(answering)) as it:
        answer = await it.http.get("/sessions/s/presence", headers=it.token("s", "mod"))
        assert [one["participant_id"] for one in answer.json()["presence"]] == ["ada", "mod"]
        shown = await it.http.get("/sessions/s", headers=BY_KEY)
        assert "tests:ada" not in shown.text + answer.text


@pytest.mark.parametrize(
    ("presence", "sent"),
    [
        ({}, {}),
        ({"show": "away", "status": "🍜 $x"}, {"show": "away", "status": "🍜 $x"}),
        (
            {"until": "2026-01-05T14:00:00.1239+01:00"},
            {"until": "2026-01-05T13:00:00.123000Z"},
        ),
        ({"until": None}, {"until": None}),
        ({"show": "busy"}, None),
        ({"status": "x" * 257}, None),
        ({"status": "\ud800"}, None),
        ({"until": "2026-01-05T14:00:00"}, None),
        ({"until": "2026-01-05"}, None),
        ({"until": 1_767_600_000}, None),
        ({"until": "1767600000"}, None),
        ({"until": "9999-12-31T23:59:59-12:00"}, None),
        ({"until": "2026-13-05T14:00:00Z"}, None),
        ({"since": "2026-01-05T14:00:00Z"}, None),
    ],
)
async def test_what_is_said_is_checked(
    database: Database, presence: dict[str, Any], sent: dict[str, Any] | None
) -> None:
    await session_of(database)
    bus = ScriptedBus(answering)
    async with api(settings_for(database), bus) as it:
        body, kind = json.dumps({"presence": presence}), {"Content-Type": "application/json"}
        answer = await it.http.patch(PATH, content=body, headers={**it.token("s", "ada"), **kind})
        assert answer.status_code == (422 if sent is None else 200), answer.text
    assert [command.body.changes["presence"] for command in bus.commands] == ([] if sent is None else [sent])


async def test_who_joins_is_who_the_token_says_or_the_key(database: Database) -> None:
    await session_of(database)
    bus = ScriptedBus(answering)
    async with api(settings_for(database), bus) as it:
        for headers, body, status in (
            (access(), {}, 201),
            (access(sub="x" * 300), {}, 201),
            (BY_KEY, {}, 201),
            (BY_KEY, {"identity": "bob"}, 201),
            (BY_KEY, {"identity": ""}, 422),
            (access(), {"identity": "bob"}, 403),
        ):
            answer = await it.http.post("/sessions/s/participants", json=body, headers=headers)
            assert answer.status_code == status, answer.text
    assert [sent.body.identity for sent in bus.commands] == ["tests:ada", None, None, "tests:bob"]


@pytest.mark.parametrize("asks", ["look", "signal"])
async def test_whoever_asks_for_something_is_active(database: Database, asks: str) -> None:
    await session_of(database)
    async with api(settings_for(database), ScriptedBus(answering)) as it:
        if asks == "look":
            await it.http.get("/sessions/s", headers=it.token("s", "ada"))
        else:
            await it.http.post("/sessions/s/signals", json={"type": "t"}, headers=it.token("s", "ada"))
        activity = it.program.services.activity
        await activity.flush()
        answer = await it.http.get("/sessions/s/presence", headers=BY_KEY)
    active = {one["participant_id"]: one["last_active_at"] is not None for one in answer.json()["presence"]}
    assert active == {"ada": True, "mod": False}
