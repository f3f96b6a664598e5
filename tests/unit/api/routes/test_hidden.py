"""Hidden seats over HTTP: how a join asks for one, who is shown it, and what it may not say."""

import time
from typing import Any

import jwt
import pytest

from callplane.contracts.commands import Envelope, Join, JoinHidden
from callplane.contracts.refusals.sessions import session_full
from testkit.fakes.asgi import BY_KEY, KEY, Api, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of

SEES: dict[str, Any] = {"publish": [], "signal": False, "chat": False, "moderate": False, "hidden": True}
HIDDEN: list[dict[str, Any]] = [{"id": "rec", "name": "recorder", "grants": SEES, "identity": "web:rec"}]
SDP = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
JOIN = "/v1/sessions/s/participants"


def access(**grants: Any) -> dict[str, str]:
    """Headers with an access token that its server has signed by itself."""
    claims = {"iss": "tests", "sub": "rec", "session": "daily", "exp": int(time.time()) + 60, "grants": grants}
    return {"Authorization": f"Bearer {jwt.encode(claims, KEY, 'HS256')}"}


async def full(_: Envelope) -> None:
    """Let nobody in."""
    raise session_full(1)


async def test_a_key_and_a_token_ask_for_a_hidden_seat_by_a_command_of_its_own(database: Database) -> None:
    await session_of(database)
    bus = ScriptedBus()
    bus.far = full
    async with api(settings_for(database), bus) as it:
        hidden = {"hidden": True, "subscribe": False}
        await it.http.post(JOIN, json={"grants": hidden, "identity": "rec", "name": "R"}, headers=BY_KEY)
        await it.http.post(JOIN, json={}, headers=access(hidden=True, publish=[]))
        await it.http.post(JOIN, json={}, headers=access(hidden=False))
    [by_key, by_token, seen] = [sent.body for sent in bus.commands]
    assert by_key == JoinHidden(identity="tests:rec", display_name="R", subscribe=False)
    assert by_token == JoinHidden(identity="tests:rec")
    assert isinstance(seen, Join)


@pytest.mark.parametrize("more", [{"publish": ["camera"]}, {"signal": True}, {"chat": True}, {"moderate": True}])
async def test_a_hidden_seat_that_says_something_is_refused_and_told_why(
    database: Database, more: dict[str, Any]
) -> None:
    await session_of(database)
    bus = ScriptedBus()
    [name] = more
    async with api(settings_for(database), bus) as it:
        grants = {"hidden": True, **more}
        joined = await it.http.post(JOIN, json={"grants": grants}, headers=BY_KEY)
        asked = {"session": "daily", "identity": "rec", "grants": grants}
        signed = await it.http.post("/v1/tokens", json=asked, headers=BY_KEY)
        brought = await it.http.post(JOIN, json={}, headers=access(**grants))
    assert [joined.status_code, signed.status_code, brought.status_code] == [422, 422, 403]
    assert all(name in answer.text for answer in (joined, signed, brought))
    assert not bus.commands


async def test_nobody_is_hidden_or_shown_later(database: Database) -> None:
    await session_of(database, hidden=HIDDEN)
    bus = ScriptedBus()
    async with api(settings_for(database), bus) as it:
        for who, on in (("ada", True), ("rec", False)):
            body = {"grants": {"hidden": on}}
            answer = await it.http.patch(f"{JOIN}/{who}", json=body, headers=BY_KEY)
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
            assert "join" in answer.text
    assert not bus.commands


async def shown(it: Api, who: dict[str, str]) -> tuple[list[str], ...]:
    """The ids in each list that somebody is given, those in sight before the hidden ones."""
    session = (await it.http.get("/v1/sessions/s", headers=who)).json()
    seats = (await it.http.get(JOIN, headers=who)).json()
    lists = [one[name] for name in ("participants", "hidden") for one in (session, seats)]
    return tuple([seat["id"] for seat in one] for one in lists)


async def test_keys_and_moderators_see_it_and_nobody_else_does(database: Database) -> None:
    await session_of(database, hidden=HIDDEN)
    bus = ScriptedBus()
    seats = ["ada", "mod"]
    async with api(settings_for(database), bus) as it:
        for who in (BY_KEY, it.token("s", "mod")):
            assert await shown(it, who) == (seats, seats, ["rec"], ["rec"])
            [one] = (await it.http.get("/v1/sessions/s", headers=who)).json()["hidden"]
            assert one["grants"]["hidden"]
            assert one == (await it.http.get(f"{JOIN}/rec", headers=who)).json()
        [listed] = (await it.http.get("/v1/sessions", headers=BY_KEY)).json()["sessions"]
        assert [seat["id"] for seat in listed["hidden"]] == ["rec"]
        for who in (it.token("s", "ada"), access()):
            assert await shown(it, who) == (seats, seats, [], [])
            assert (await it.http.get(f"{JOIN}/rec", headers=who)).status_code == 404
            assert "rec" not in (await it.http.get("/v1/sessions/s/presence", headers=who)).text
        assert await shown(it, it.token("s", "rec")) == (seats, seats, [], [])
        assert (await it.http.get(f"{JOIN}/rec", headers=it.token("s", "rec"))).json()["name"] == "recorder"


async def test_it_reads_what_others_read_and_says_nothing(database: Database) -> None:
    await session_of(database, hidden=HIDDEN)
    bus = ScriptedBus()
    async with api(settings_for(database), bus) as it:
        rec, ada = it.token("s", "rec"), it.token("s", "ada")
        for kind in ("chat", "wave"):
            said = await it.http.post("/v1/sessions/s/signals", json={"type": kind}, headers=rec)
            assert (said.status_code, said.json()["code"]) == (403, "forbidden")
        to_it = await it.http.post("/v1/sessions/s/signals", json={"type": "wave", "to": "rec"}, headers=ada)
        to_none = await it.http.post("/v1/sessions/s/signals", json={"type": "wave", "to": "x"}, headers=ada)
        assert [to_it.status_code, to_none.status_code] == [404, 404]
        assert to_it.json()["detail"] == to_none.json()["detail"]
        to_role = await it.http.post("/v1/sessions/s/signals", json={"type": "w", "to": "role:publisher"}, headers=ada)
        assert to_role.status_code == 202
        offered = {"kind": "publish", "sdp_offer": SDP}
        refused = await it.http.post("/v1/sessions/s/connections", json=offered, headers=rec)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert [to for to, _ in bus.published] == ["ada"]
    assert not bus.commands


async def test_who_sees_it_sends_it_signals_by_its_id(database: Database) -> None:
    await session_of(database, hidden=HIDDEN)
    bus = ScriptedBus()
    async with api(settings_for(database), bus) as it:
        for who in (BY_KEY, it.token("s", "mod")):
            sent = await it.http.post("/v1/sessions/s/signals", json={"type": "stop", "to": "rec"}, headers=who)
            assert sent.status_code == 202, sent.text
            by_role = {"type": "stop", "to": "role:publisher"}
            assert (await it.http.post("/v1/sessions/s/signals", json=by_role, headers=who)).status_code == 202
    assert [to for to, _ in bus.published] == ["rec", "ada", "rec", "ada"]
