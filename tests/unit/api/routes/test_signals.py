"""Signals over HTTP: straight to the exchange, once under a key."""

from testkit.fakes.asgi import BY_KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of


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
