"""What requests become on the bus, and what replies become in HTTP."""

from typing import Any

import pytest
from pydantic import BaseModel

from callplane.bus.ports import Unroutable
from callplane.contracts.commands import (
    Done,
    Envelope,
    Joined,
    Negotiated,
    ParticipantChanged,
    SessionChanged,
    SessionMade,
)
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import connection_made_by, participant_made_by, session_made_by
from callplane.contracts.shapes import ConnectionView, ParticipantView, SessionView
from testkit.fakes.asgi import BY_KEY, Api, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of

OFFER = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
CANDIDATE = "candidate:1 1 UDP 2130706431 192.0.2.1 5000 typ host"


def session_view(session_id: str, version: int = 1) -> SessionView:
    limits = {"max_participants": 9, "empty_timeout": 1, "departure_timeout": 1, "grace": 1}
    return SessionView(id=session_id, version=version, epoch=1, created_at="2026-01-05T09:00:00Z", **limits)


async def answering(envelope: Envelope) -> BaseModel:
    """What a wrapper would answer to each."""
    body: Any = envelope.body
    ada = ParticipantView(id=getattr(body, "participant_id", None) or participant_made_by(envelope.id))
    negotiated = ConnectionView(
        id=connection_made_by(envelope.id), kind="publish", epoch=1, state="ready", sdp_answer="v=0"
    )
    answers: dict[str, BaseModel] = {
        "create": SessionMade(session=session_view(envelope.session_id), created=True),
        "update-session": SessionChanged(session=session_view(envelope.session_id, 5)),
        "join": Joined(participant=ada, session=session_view(envelope.session_id, 5)),
        "update-participant": ParticipantChanged(participant=ada, version=6),
        "publish": Negotiated(connection=negotiated),
        "subscribe": Negotiated(connection=negotiated),
    }
    return answers.get(envelope.name, Done())


async def test_create_answers_where_it_is_and_which_version(database: Database) -> None:
    bus = ScriptedBus(answering)
    async with api(settings_for(database), bus) as it:
        answer = await it.http.post("/sessions", json={"custom_id": "daily", "grace": 7}, headers=BY_KEY)
    [sent] = bus.commands
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/sessions/{session_made_by(sent.id)}"
    assert answer.headers["etag"] == '"1"'
    assert set(answer.json()) == set(SessionView.model_fields)
    assert (sent.caller.kind, sent.caller.name, sent.session_id) == ("key", "tests", session_made_by(sent.id))
    assert (sent.body.custom_id, sent.body.grace, sent.body.max_participants) == ("daily", 7, 100)


async def test_a_session_that_was_there_is_200(database: Database) -> None:
    async def there(envelope: Envelope) -> BaseModel:
        return SessionMade(session=session_view("s"), created=False)

    async with api(settings_for(database), ScriptedBus(there)) as it:
        answer = await it.http.post("/sessions", json={}, headers=BY_KEY)
    assert (answer.status_code, answer.headers["location"]) == (200, "/sessions/s")


async def test_a_key_makes_every_repeat_the_same_command(database: Database) -> None:
    bus = ScriptedBus(answering)
    async with api(settings_for(database), bus) as it:

        async def make(key: str, path: str = "/sessions", **body: Any) -> int:
            answer = await it.http.post(path, json=body, headers={**BY_KEY, "Idempotency-Key": key})
            return answer.status_code

        assert await make("k" * 16) == await make("k" * 16) == 201
        assert await make("k" * 16, grace=5) == 422
        assert await make("k" * 17) == await make("k" * 16, "/sessions/s/participants") == 201
        assert await make("k" * 15) == await make("k" * 129) == await make("k" * 15 + " ") == 422
    ids = [sent.id for sent in bus.commands]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


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


async def test_a_signal_goes_straight_to_the_exchange(database: Database) -> None:
    await session_of(database)
    bus = ScriptedBus()
    async with api(settings_for(database), bus) as it:
        ada = it.token("s", "ada")
        for body in ({"type": "wave", "data": [1, None]}, {"type": "wave", "to": "mod"}):
            assert (await it.http.post("/sessions/s/signals", json=body, headers=ada)).status_code == 202
        for body in ({"type": "x", "to": "nobody"}, {"type": "x" * 129}, {"type": "x", "data": "y" * 9000}, {}):
            assert (await it.http.post("/sessions/s/signals", json=body, headers=ada)).status_code in (404, 422)
        assert (await it.http.post("/sessions/s/signals", json={"type": "tick"}, headers=BY_KEY)).status_code == 202
    assert [(whom, message.data) for whom, message in bus.published] == [
        ("s", {"from": "ada", "type": "wave", "data": [1, None]}),
        ("mod", {"from": "ada", "type": "wave", "data": None}),
        ("s", {"from": None, "type": "tick", "data": None}),
    ]
    assert not bus.commands


async def test_a_signal_that_is_repeated_under_its_key_has_the_same_id(database: Database) -> None:
    await session_of(database)
    bus = ScriptedBus()
    async with api(settings_for(database), bus) as it:
        once = {**it.token("s", "ada"), "Idempotency-Key": "the-one-and-only-1"}
        sent = [await it.http.post("/sessions/s/signals", json={"type": "wave"}, headers=once) for _ in range(2)]
        other = await it.http.post("/sessions/s/signals", json={"type": "bow"}, headers=once)
        for _ in range(2):
            await it.http.post("/sessions/s/signals", json={"type": "wave"}, headers=it.token("s", "ada"))
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")
    ids = [message.id for _, message in bus.published]
    assert [answer.json()["id"] for answer in sent] == ids[:2]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


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


async def delete(it: Api, path: str, headers: dict[str, str]) -> int:
    return (await it.http.delete(path, headers=headers)).status_code


async def test_deleting_again_is_204(database: Database) -> None:
    async def closed(_: Envelope) -> BaseModel:
        raise Refusal("session-closed")

    await session_of(database, status="closed")
    async with api(settings_for(database), ScriptedBus(closed)) as it:
        ada, mod, gone = (it.token("s", seat) for seat in ("ada", "mod", "gone"))
        assert await delete(it, "/sessions/s", BY_KEY) == await delete(it, "/sessions/s", mod) == 204
        assert await delete(it, "/sessions/s/participants/ada", ada) == 204
        assert await delete(it, "/sessions/s/participants/gone", gone) == 204
        assert await delete(it, "/sessions/s/connections/c", ada) == 204


async def test_nobody_listens_and_the_store_says_why(database: Database) -> None:
    async def nobody(_: Envelope) -> BaseModel:
        raise Unroutable

    await session_of(database)
    async with api(settings_for(database), ScriptedBus(nobody)) as it:

        async def join(session: str) -> tuple[int, str]:
            answer = await it.http.post(f"/sessions/{session}/participants", json={}, headers=BY_KEY)
            return answer.status_code, answer.json()["code"]

        assert await join("unknown") == (404, "not-found")
        assert await join("s") == (503, "unavailable")
        async with database.client() as client:
            await client[database.name]["sessions"].update_one({"_id": "s"}, {"$set": {"status": "closed"}})
        assert await join("s") == (409, "session-closed")
        # A close that is repeated finds it closed, and once its tombstone is gone too, nothing: a client that was away
        # for so long is told so (tests/chaos/test_odd.py).
        assert await delete(it, "/sessions/s", BY_KEY) == 204
        async with database.client() as client:
            await client[database.name]["sessions"].delete_one({"_id": "s"})
        assert await delete(it, "/sessions/s", BY_KEY) == 404


async def test_lists_and_looks(database: Database) -> None:
    await session_of(database)
    async with api(settings_for(database), ScriptedBus()) as it:
        listed = (await it.http.get("/sessions?limit=1&status=open", headers=BY_KEY)).json()
        assert ([one["id"] for one in listed["sessions"]], listed["next"]) == (["s"], None)
        looked = await it.http.get("/sessions/s", headers=it.token("s", "ada"))
        assert (looked.json(), looked.headers["etag"]) == (listed["sessions"][0], '"4"')
        seat = await it.http.get("/sessions/s/participants/mod", headers=it.token("s", "ada"))
        assert (seat.json()["role"], seat.headers["etag"]) == ("moderator", '"4"')
        assert (await it.http.get("/sessions/s/participants/x", headers=BY_KEY)).status_code == 404


async def test_somebody_elses_connection(database: Database) -> None:
    await session_of(database)
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
        assert (await it.http.delete("/sessions/s/connections/c", headers=mod)).status_code == 404
        trickled = await it.http.post("/sessions/s/connections/c/candidates", json=[], headers=mod)
        assert trickled.status_code == 404
