"""Mailbox over HTTP: whether it is read, how far behind its reader is by what is written, and who may know."""

from datetime import UTC, datetime

import pytest

from callplane.contracts.ids import ParticipantId, SessionId
from callplane.store.log.records import Entry, LogKey, Record, written
from testkit.fakes.asgi import KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of

S, ADA = SessionId("s"), ParticipantId("ada")
AT = f"/v1/sessions/{S}/participants/{ADA}/mailbox"
SINCE = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


async def attachment(database: Database, **fields: object) -> None:
    base = {"session_id": S, "holder": "log", "n": 1, "state": "attached", "since": SINCE, "pods": []}
    await database.write("attachments", {"_id": ADA, **base, **fields})


async def appended(database: Database, log: LogKey, count: int) -> None:
    entries = tuple(Entry(f"{log.key} {n}", "signal", b"{}") for n in range(count))
    await database.write("log", written(log, Record(1, entries, 1, 2 * count), SINCE))


@pytest.mark.parametrize(("place", "waiting"), [("3.1", 3), ("5.2", 0), ("9.9", 0), (None, 7), ("rubbish", 7)])
async def test_on_logs_it_is_what_lies_behind_the_place_that_is_written(
    database: Database, place: str | None, waiting: int
) -> None:
    await session_of(database)
    await attachment(database, engine="log", place=place)
    await appended(database, LogKey(S, S), 5)
    await appended(database, LogKey(ADA, S), 2)
    async with api(settings_for(database), ScriptedBus()) as it:
        found = await it.http.get(AT, headers={"X-API-Key": KEY})
    assert found.json() == {
        "engine": "log",
        "state": "attached",
        "since": "2026-01-05T09:30:00Z",
        "waiting": waiting,
    }


@pytest.mark.parametrize("fields", [{"holder": "amq.ctag-1"}, {"engine": "log", "state": "ended", "reason": "left"}])
async def test_on_queues_and_at_the_end_nobody_knows(database: Database, fields: dict[str, object]) -> None:
    await session_of(database)
    await attachment(database, **fields)
    async with api(settings_for(database), ScriptedBus()) as it:
        found = (await it.http.get(AT, headers={"X-API-Key": KEY})).json()
    assert (found["state"], found["waiting"]) == (fields.get("state", "attached"), None)


async def test_it_is_for_keys_of_its_tenant_and_of_somebody_who_was_there(database: Database) -> None:
    await session_of(database, tenant="shop")
    await attachment(database, engine="log")
    keys = {"api_keys": f"shop:{'s' * 32},other:{KEY},ops:{'o' * 32}", "operator_keys": "ops"}
    async with api(settings_for(database, **keys), ScriptedBus()) as it:
        secrets = ("s" * 32, KEY, "o" * 32)
        asked = [(await it.http.get(AT, headers={"X-API-Key": secret})).status_code for secret in secrets]
        nobody = await it.http.get(AT.replace(ADA, "nobody"), headers={"X-API-Key": "o" * 32})
        elsewhere = await it.http.get(AT.replace("/s/", "/another/"), headers={"X-API-Key": "o" * 32})
    assert (asked, nobody.status_code, elsewhere.status_code) == ([200, 404, 200], 404, 404)
