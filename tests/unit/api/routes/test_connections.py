"""Connections over HTTP: offers, candidates as browsers write them, and whose a connection is."""

from typing import Any

import pytest

from callplane.contracts.ids import connection_made_by
from testkit.fakes.asgi import BY_KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.fakes.scripted_wrapper import OFFER, answering
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of

CANDIDATE = "candidate:1 1 UDP 2130706431 192.0.2.1 5000 typ host"


async def test_an_offer_answered_late_is_202(database: Database) -> None:
    await session_of(database)
    bus = ScriptedBus()
    async with api(settings_for(database, command_wait=1), bus) as it:
        publish = {"kind": "publish", "sdp_offer": OFFER}
        answer = await it.http.post("/sessions/s/connections", json=publish, headers=it.token("s", "ada"))
        assert answer.status_code == 202
        assert answer.json() == {"id": connection_made_by(bus.commands[0].id), "command_id": bus.commands[0].id}
        late = await it.http.delete("/sessions/s/connections/c", headers=it.token("s", "ada"))
        assert (late.status_code, late.headers["retry-after"]) == (503, "1")


@pytest.mark.parametrize("sdp", ["", "hello", "v=0\r\n", "m=audio 9\r\nv=0\r\n", OFFER + "a=" + "x" * 70_000])
async def test_what_is_no_offer_goes_nowhere(database: Database, sdp: str) -> None:
    await session_of(database)
    bus = ScriptedBus(answering)
    async with api(settings_for(database), bus) as it:
        body = {"kind": "publish", "sdp_offer": sdp}
        answer = await it.http.post("/sessions/s/connections", json=body, headers=it.token("s", "ada"))
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-sdp")
    assert not bus.commands


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"candidate": CANDIDATE, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": "x"}, [("0", 0)]),
        ({"candidates": [{"candidate": CANDIDATE, "sdpMid": "1"}]}, [("1", 1)]),
        ([{"candidate": CANDIDATE, "sdpMLineIndex": 2}, None], [("2", 2)]),
        ([{"candidate": CANDIDATE, "sdpMid": "audio"}], [("audio", 0)]),
        ([{"candidate": CANDIDATE}], [("0", 0)]),
        ([{"candidate": CANDIDATE}, {"candidate": CANDIDATE, "sdpMid": "1"}] * 64, [("0", 0), ("1", 1)]),
        ({"candidates": [{"candidate": ""}, {"candidate": None}]}, None),
        ([{"candidate": CANDIDATE.replace("192.0.2.1", "0b6f0c6e-3f0f.local")}], None),
        ([], None),
    ],
)
async def test_candidates_as_browsers_write_them(database: Database, given: Any, sent: Any) -> None:
    await session_of(database)
    bus = ScriptedBus(answering)
    async with api(settings_for(database), bus) as it:
        answer = await it.http.post("/sessions/s/connections/c/candidates", json=given, headers=it.token("s", "ada"))
        assert (answer.status_code, answer.content) == (202, b"")
    shown = [[(one.sdp_mid, one.sdp_m_line_index) for one in command.body.candidates] for command in bus.commands]
    assert shown == ([] if sent is None else [sent])


@pytest.mark.parametrize(
    "given", [{}, "x", 5, [5], [{"candidate": "x" * 1025}], [{"candidate": "x"}] * 129, [{"a": 1}]]
)
async def test_other_candidates_are_invalid(database: Database, given: Any) -> None:
    await session_of(database)
    async with api(settings_for(database), ScriptedBus(answering)) as it:
        answer = await it.http.post("/sessions/s/connections/c/candidates", json=given, headers=it.token("s", "ada"))
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_somebody_elses_connection(database: Database) -> None:
    seats = [{"id": "ada"}, {"id": "bob"}, {"id": "mod", "role": "moderator"}]
    await session_of(database, participants=seats)
    async with database.client() as client:
        mine = {"_id": "c", "session_id": "s", "participant_id": "ada", "kind": "publish", "offered": True}
        await client[database.name]["connections"].insert_one({**mine, "state": "ready", "epoch": 1, "answer": "v=0"})
    async with api(settings_for(database), ScriptedBus(answering)) as it:
        ada, mod = it.token("s", "ada"), it.token("s", "mod")
        looked = await it.http.get("/sessions/s/connections/c", headers=ada)
        shown = {"id": "c", "kind": "publish", "publisher": None, "epoch": 1, "state": "ready", "sdp_answer": "v=0"}
        assert looked.json() == {**shown, "media": None}, "it was answered by an older version"
        assert (await it.http.get("/sessions/s/connections/c", headers=mod)).status_code == 403
        assert (await it.http.get("/sessions/s/connections/d", headers=ada)).status_code == 404
        for who, status in ((it.token("s", "bob"), 404), (mod, 204), (BY_KEY, 204)):
            assert (await it.http.delete("/sessions/s/connections/c", headers=who)).status_code == status
        trickled = await it.http.post("/sessions/s/connections/c/candidates", json=[], headers=mod)
        assert trickled.status_code == 404
