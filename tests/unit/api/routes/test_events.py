"""Events over HTTP: a session's timeline is its tenant's keys' alone, and is there when the session is not any more."""

from datetime import UTC, datetime, timedelta
from typing import Any

from callplane.contracts.events import CloudEvent
from callplane.contracts.ids import SessionId
from callplane.store.mongo.database import open_database
from callplane.store.timeline import Timeline
from testkit.fakes.asgi import BY_KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of
from tests.unit.api.auth.test_tenants import KEYS

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def _left(session: str, version: int, at: datetime | None = None) -> CloudEvent:
    return CloudEvent(
        id=f"{session}:{version}",
        source=f"/v1/sessions/{session}",
        type="participant-left",
        subject="ann",
        time=at or datetime.now(UTC),
        sessionid=SessionId(session),
        sessionversion=version,
        actor="key:shop",
        data={"participant_id": "ann", "reason": "left", "note": None},
    )


async def test_a_timeline_is_read_page_by_page_by_keys_also_of_a_session_that_is_gone(database: Database) -> None:
    await session_of(database)
    async with open_database(database.url, database.name) as store:
        await Timeline(store).record([_left("gone", version) for version in (1, 2, 3)])
    async with api(settings_for(database), ScriptedBus()) as it:

        async def read(session: str, **query: object) -> tuple[list[int], int | None]:
            answer = await it.http.get(f"/v1/sessions/{session}/events", params=query, headers=BY_KEY)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            return [event["sessionversion"] for event in page["events"]], page["next"]

        assert await read("gone", limit=2) == ([1, 2], 2)
        assert await read("gone", limit=2, after=2) == ([3], None)
        assert await read("gone", type="media-lost") == ([], None)
        assert await read("s") == ([], None), "nothing has happened in it"
        shown = (await it.http.get("/v1/sessions/gone/events", headers=BY_KEY)).json()["events"][0]
        assert shown["data"] == {"participant_id": "ann", "reason": "left", "note": None}
        assert (shown["actor"], shown["subject"], shown["specversion"]) == ("key:shop", "ann", "1.0")


async def test_who_is_no_server_is_shown_nothing_and_what_never_was_is_not_found(database: Database) -> None:
    await session_of(database)
    async with api(settings_for(database), ScriptedBus()) as it:
        for who, path, status in (
            (it.token("s", "mod"), "s/events", 403),
            (BY_KEY, "nowhere/events", 404),
            (BY_KEY, "s/events?type=nothing", 422),
            (BY_KEY, "s/events?after=-1", 422),
        ):
            assert (await it.http.get(f"/v1/sessions/{path}", headers=who)).status_code == status, path


def _refused(session: str | None, name: str, at: datetime, tenant: str | None = "tests") -> CloudEvent:
    given: dict[str, Any] = {"id": name, "source": "/v1/sessions", "type": "request-refused", "time": at}
    return CloudEvent(
        **given, sessionid=session, tenant=tenant, actor="key:tests", data={"problem": {"code": "kicked"}}
    )


async def test_what_was_refused_is_among_the_changes_and_their_versions_are_the_cursor(database: Database) -> None:
    await session_of(database)
    seconds = {n: NOON + timedelta(days=9999, seconds=n) for n in range(40)}
    changes = [_left("s", version, seconds[10 * version]) for version in (1, 2, 3)]
    refused = [_refused("s", f"r{n}", seconds[n]) for n in (5, 15, 25, 26, 35)]
    others = [_refused("s", "other", seconds[1], "other"), _refused(None, "nowhere", seconds[2])]
    async with open_database(database.url, database.name) as store:
        await Timeline(store).record([*refused[::-1], *others, *changes, *refused])
    async with api(settings_for(database, api_keys=KEYS, operator_keys="ops"), ScriptedBus()) as it:

        async def read(**query: object) -> tuple[list[str], int | None]:
            answer = await it.http.get("/v1/sessions/s/events", params=query, headers=BY_KEY)
            assert answer.status_code == 200, answer.text
            return [event["id"].removeprefix("s:") for event in answer.json()["events"]], answer.json()["next"]

        assert await read() == (["r5", "1", "r15", "2", "r25", "r26", "3", "r35"], None)
        assert await read(limit=1) == (["r5", "1"], 1)
        assert await read(limit=1, after=1) == (["r15", "2"], 2)
        assert await read(limit=2, after=1) == (["2", "r25", "r26", "3"], 3), "the last two of them"
        assert await read(after=3) == (["r35"], None)
        assert await read(type="participant-left") == (["1", "2", "3"], None)
        assert await read(type="request-refused") == (["r5", "r15", "r25", "r26", "r35"], None)
        assert await read(type="request-refused", limit=2) == (["r26", "r35"], None)
        assert await read(type="request-refused", after=2) == (["r25", "r26", "r35"], None)
