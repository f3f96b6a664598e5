"""Overview over HTTP: figures of what a key reaches, and which sessions are in trouble."""

from typing import Any

from testkit.fakes.asgi import BY_KEY, KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.inprocess.crowded_database import session
from testkit.servers.servers import Database

OTHER, OPS = "o" * 32, "p" * 32


async def crowded(database: Database) -> None:
    """Sessions of two tenants, some in trouble, and what no version of ours has written."""
    here, away = {"id": "a", "state": "joined"}, {"id": "b", "state": "reconnecting"}
    for one in (
        session(_id="calm", participants=[here], streams=[{}, {}], tenant="tests"),
        session(_id="away", participants=[here, away], tenant="tests", custom_id="daily"),
        session(_id="moved", epoch=3, tenant="other"),
        session(_id="moved more", epoch=7, tenant="other"),
        session(_id="over", status="closed", participants=[here], epoch=9, tenant="tests"),
        session(_id="odd", participants="nobody", streams=None, epoch="x", created_at="once", tenant="tests"),
    ):
        await database.write("sessions", one)


async def test_figures_and_troubled_sessions_are_those_of_the_key(database: Database) -> None:
    await crowded(database)
    keys = {"api_keys": f"tests:{KEY},other:{OTHER},ops:{OPS}", "operator_keys": "ops"}
    async with api(settings_for(database, **keys), ScriptedBus()) as it:

        async def seen(key: str) -> dict[str, Any]:
            answer = await it.http.get("/overview", headers={"X-API-Key": key})
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            return found

        mine, other, everything = await seen(KEY), await seen(OTHER), await seen(OPS)
        assert (await it.http.get("/overview")).status_code == 401
    assert [mine[name] for name in ("sessions", "people", "streams", "moved")] == [3, 3, 2, 0]
    assert [(one["id"], one["custom_id"], one["people"], one["reconnecting"]) for one in mine["reconnecting"]] == [
        ("away", "daily", 2, 1)
    ]
    assert [other[name] for name in ("sessions", "people", "moved")] == [2, 0, 2]
    assert [everything[name] for name in ("sessions", "people", "moved")] == [5, 3, 2]
    assert {one["id"] for one in other["most_moved"]} == {"moved", "moved more"}


async def test_who_asks_soon_after_another_is_told_the_same(database: Database) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        before = (await it.http.get("/overview", headers=BY_KEY)).json()
        await crowded(database)
        assert (await it.http.get("/overview", headers=BY_KEY)).json() == before
        it.program.services.overview._kept.clear()
        assert (await it.http.get("/overview", headers=BY_KEY)).json()["sessions"] == 5
