"""Dead letters over HTTP: what operators may do with them, and what they are told when they may not."""

from datetime import UTC, datetime, timedelta
from typing import Any

from callplane.bus.consuming.delivery import RawDelivery
from callplane.bus.memory.broker import DeadLetter
from callplane.bus.ports import Unroutable
from callplane.contracts.commands import Caller, Envelope, Join
from callplane.contracts.ids import new_id
from testkit.fakes.asgi import BY_KEY, Api, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of
from tests.unit.api.auth.test_tenants import BY_OPERATOR, BY_OTHER, tenants

LONG_AGO = datetime(2026, 1, 5, tzinfo=UTC)


class Deaf(ScriptedBus):
    """Nobody has declared any queue."""

    async def post(self, envelope: Envelope) -> None:
        raise Unroutable(envelope.session_id)


def letter(body: bytes | None = None, session_id: str = "s", tenant: str | None = None) -> DeadLetter:
    """A join that was given up, or whatever else lay in its queue."""
    id_ = new_id()
    join = Join(display_name="secret")
    envelope = Envelope(
        id=id_, session_id=session_id, caller=Caller(kind="key", tenant=tenant), deadline=LONG_AGO, body=join
    )
    told = envelope.model_dump_json().encode() if body is None else body
    received = RawDelivery(told, f"session.{session_id}", id_, 5, False, "replies", None, None)
    return DeadLetter(received, "attempts: no server", LONG_AGO)


async def listed(it: Api) -> list[dict[str, Any]]:
    """What the list shows."""
    answer = await it.http.get("/dead-letters", headers=BY_KEY)
    assert answer.status_code == 200, answer.text
    letters: list[dict[str, Any]] = answer.json()["dead_letters"]
    return letters


async def test_listed_without_what_was_sent(database: Database) -> None:
    bus, one = ScriptedBus(), letter()
    bus.broker.dead_letters.append(one)
    async with api(settings_for(database), bus) as it:
        assert await listed(it) == [
            {
                "id": one.received.command_id,
                "name": "join",
                "session_id": "s",
                "tenant": None,
                "queue": "session.s",
                "reason": "attempts: no server",
                "attempt": 5,
                "failed_at": "2026-01-05T00:00:00Z",
            }
        ]


async def test_replayed_as_new_and_removed(database: Database) -> None:
    bus = ScriptedBus()
    letters = [letter() for _ in range(3)]
    bus.broker.dead_letters.extend(letters)
    ids = [one.received.command_id for one in letters]
    async with api(settings_for(database), bus) as it:
        answer = await it.http.post(f"/dead-letters/{ids[1]}/replay", headers=BY_KEY)
        assert (answer.status_code, answer.json()["id"]) == (202, ids[1])
        again = await it.http.post(f"/dead-letters/{ids[1]}/replay", headers=BY_KEY)
        assert (again.status_code, again.json()["code"]) == (404, "not-found")
        assert [one["id"] for one in await listed(it)] == [ids[0], ids[2]]
    [sent] = bus.commands
    assert sent.id == ids[1]
    assert timedelta(seconds=5) < sent.deadline - datetime.now(UTC) < timedelta(seconds=9)


async def test_what_cannot_be_replayed_says_why_and_stays(database: Database) -> None:
    bus = Deaf()
    await session_of(database, status="closed")
    unreadable, closed, gone = letter(b"{}"), letter(), letter(session_id="t")
    bus.broker.dead_letters.extend((unreadable, closed, gone))
    async with api(settings_for(database), bus) as it:
        for one, code in ((unreadable, "wrong-state"), (closed, "session-closed"), (gone, "wrong-state")):
            answer = await it.http.post(f"/dead-letters/{one.received.command_id}/replay", headers=BY_KEY)
            assert (answer.status_code, answer.json()["code"]) == (409, code), answer.text
        assert len(await listed(it)) == 3


async def test_removed_one_by_one_or_all(database: Database) -> None:
    bus = ScriptedBus()
    letters = [letter() for _ in range(4)]
    bus.broker.dead_letters.extend(letters)
    async with api(settings_for(database), bus) as it:
        path = f"/dead-letters/{letters[2].received.command_id}"
        assert [(await it.http.delete(path, headers=BY_KEY)).status_code for _ in range(2)] == [204, 404]
        assert len(await listed(it)) == 3
        assert (await it.http.delete("/dead-letters", headers=BY_KEY)).status_code == 204
        assert await listed(it) == []
    assert not bus.commands


async def test_a_tenants_key_lists_replays_and_removes_its_own_alone(database: Database) -> None:
    """Whose a letter is, its session says, whoever had asked; one without a session is of who asked."""
    bus = ScriptedBus()
    own, of_none = letter(tenant="other"), letter(session_id="t", tenant="tests")
    foreign, unreadable = letter(session_id="t", tenant="other"), letter(b"{}", "u")
    bus.broker.dead_letters.extend((foreign, own, unreadable, of_none))
    ids = {one.received.command_id for one in (own, of_none)}
    async with tenants(database, bus=bus) as it:
        assert {one["id"] for one in await listed(it)} == ids
        assert len((await it.http.get("/dead-letters", headers=BY_OPERATOR)).json()["dead_letters"]) == 4
        for one in (foreign, unreadable):
            path = f"/dead-letters/{one.received.command_id}"
            for method, at in (("POST", f"{path}/replay"), ("DELETE", path)):
                answer = await it.http.request(method, at, headers=BY_KEY)
                assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
        assert (await it.http.delete("/dead-letters", headers=BY_KEY)).status_code == 404
        path = f"/dead-letters/{own.received.command_id}"
        assert (await it.http.post(f"{path}/replay", headers=BY_OTHER)).status_code == 404
        assert (await it.http.post(f"{path}/replay", headers=BY_KEY)).status_code == 202
        path = f"/dead-letters/{of_none.received.command_id}"
        assert (await it.http.delete(path, headers=BY_KEY)).status_code == 204
        left = (await it.http.get("/dead-letters", headers=BY_OPERATOR)).json()["dead_letters"]
    assert {one["id"] for one in left} == {one.received.command_id for one in (foreign, unreadable)}
    assert [sent.id for sent in bus.commands] == [own.received.command_id]


async def test_an_api_key_is_needed(database: Database) -> None:
    await session_of(database)
    bus = ScriptedBus()
    bus.broker.dead_letters.append(letter())
    async with api(settings_for(database), bus) as it:
        for method, path in (("GET", ""), ("DELETE", ""), ("DELETE", "/x"), ("POST", "/x/replay")):
            refused = await it.http.request(method, f"/dead-letters{path}", headers=it.token("s", "mod"))
            assert refused.status_code == 403
            assert (await it.http.request(method, f"/dead-letters{path}")).status_code == 401
        assert len(await listed(it)) == 1
