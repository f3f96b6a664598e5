"""The stream of events over HTTP: a tenant's keys see their own, go on behind a cursor, and hear of what is gone."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from api.dispatch import event_readers
from api.streaming import event_stream
from callplane.contracts.events import CloudEvent
from callplane.contracts.ids import SessionId
from testkit.clients.event_streams import Read, parsed
from testkit.fakes.asgi import BY_KEY, Api, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.inprocess.streams import happened
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of
from tests.unit.api.auth.test_tenants import BY_OPERATOR, BY_OTHER, KEYS

S = SessionId("s")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream in this process has nothing under way."""
    monkeypatch.setattr(event_stream, "QUIET_SECONDS", 0.01)
    monkeypatch.setattr(event_stream, "NEWEST_WITHIN", 0.05)
    monkeypatch.setattr(event_readers, "NEWEST_WITHIN", 0.05)


@asynccontextmanager
async def served(database: Database, *events: CloudEvent) -> AsyncIterator[tuple[Api, ScriptedBus]]:
    """An API with the keys of two tenants and an operator's, and these in the stream."""
    bus = ScriptedBus()
    await bus.events.publish(events)
    async with api(settings_for(database, api_keys=KEYS, operator_keys="ops"), bus) as it:
        yield it, bus


async def read(it: Api, who: dict[str, str] = BY_KEY, last: str | None = None, **query: Any) -> Read:
    """Everything that there is."""
    headers = {**who, **({"Last-Event-ID": last} if last else {})}
    answer = await it.http.get("/v1/events", params={"from": "first", "follow": "false", **query}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = parsed(answer.content)
    assert found.names[-1] == "complete"
    return found


async def test_a_key_sees_its_tenants_an_operator_all_and_each_what_it_asked_for(database: Database) -> None:
    await session_of(database, tenant="tests")
    old = happened(SessionId("old"), 1).model_copy(update={"tenant": None})
    theirs = [happened(SessionId("t"), 1, tenant="other"), happened(SessionId("u"), 1, "media-lost", tenant="tests.x")]
    ours = [happened(S, 1, tenant="tests"), happened(S, 2, "session-closed", tenant="tests")]
    async with served(database, theirs[0], ours[0], old, theirs[1], ours[1]) as (it, _):
        assert (await read(it)).ids == ["s:1", "old:1", "s:2"]
        assert (await read(it, BY_OTHER)).ids == ["t:1", "old:1"]
        assert (await read(it, BY_OPERATOR)).ids == ["t:1", "s:1", "old:1", "u:1", "s:2"]
        assert (await read(it, session="s")).ids == ["s:1", "s:2"]
        assert (await read(it, type="session-closed")).ids == ["s:2"]
        assert (await read(it, BY_OPERATOR, type=["session-closed", "media-lost"])).ids == ["u:1", "s:2"]
        assert (await read(it, **{"from": "2"})).ids == ["old:1", "s:2"]
        assert (await read(it, **{"from": "next"})).ids == []
        shown = (await read(it)).bodies[0]
        assert (shown["actor"], shown["data"], shown["tenant"]) == ("key:app", {"n": 1}, "tests")


async def test_a_client_goes_on_behind_its_cursor_and_hears_when_that_is_gone(database: Database) -> None:
    async with served(database, *(happened(S, version, tenant="tests") for version in range(1, 6))) as (it, bus):
        whole = await read(it)
        assert (await read(it, cursor=whole.cursors[1])).ids == ["s:3", "s:4", "s:5"]
        assert (await read(it, last=whole.cursors[3], cursor=whole.cursors[1])).ids == ["s:5"]
        bus.broker.events.stream.kept = 2
        await bus.events.publish([happened(S, 6, tenant="tests")])
        lost = await read(it, cursor=whole.cursors[1])
        assert (lost.ids, "resync-required" in lost.names) == (["s:5", "s:6"], True)
        assert "resync-required" not in (await read(it, cursor=lost.cursors[0])).names
        assert "callplane_event_places_gone_total 1.0" in it.program.services.metrics.text().decode()


async def test_who_may_not_is_refused_before_anything_is_read(database: Database) -> None:
    await session_of(database, tenant="tests")
    async with served(database) as (it, _):
        for who, query, status in (
            ({}, "", 401),
            (it.token("s", "mod"), "", 403),
            (BY_OTHER, "?session=s", 404),
            (BY_KEY, "?session=nowhere", 404),
            (BY_KEY, "?from=then", 422),
            (BY_KEY, "?from=2026-01-05T09:30:00", 422),
            (BY_KEY, "?cursor=7", 422),
            (BY_KEY, "?type=signal", 422),
        ):
            assert (await it.http.get(f"/v1/events{query}", headers=who)).status_code == status, query


async def test_a_pod_has_so_many_readers_and_no_more(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_readers, "READERS_AT_MOST", 2)
    async with served(database) as (it, _), AsyncExitStack() as stack:
        readers = it.program.services.event_readers
        for _ in range(2):
            await stack.enter_async_context(readers.reading("next"))
        refused = await it.http.get("/v1/events", headers=BY_KEY)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert "callplane_event_readers 2.0" in it.program.services.metrics.text().decode()
        await stack.aclose()
        assert (await read(it)).ids == []


async def test_a_reading_that_finds_nothing_ends(database: Database) -> None:
    async with served(database, happened(S, 1, tenant="tests")) as (it, _):
        assert (await read(it, **{"from": "2999-01-05T09:30:00Z"})).ids == []
        assert (await read(it, **{"from": "4711"})).ids == []
