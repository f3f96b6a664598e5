"""Refused requests: servers hear of them, whoever refused, each once and so many of a caller, and of no stranger's."""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import jwt
import pytest
from pydantic import BaseModel

from api import refused_requests
from api.refusal_sampler import CALLERS_KEPT, TOLD_EACH, WINDOW_SECONDS, RefusalSampler
from callplane.bus.event_ports import ReceivedEvent
from callplane.bus.memory.events import MemoryEvents
from callplane.contracts.commands import Envelope
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.refusals.connections import publishing_not_granted
from callplane.contracts.refusals.sessions import session_full
from testkit.fakes.asgi import BY_KEY, KEY, Api, api, settings_for
from testkit.fakes.scripted_bus import Far, ScriptedBus, silent
from testkit.fakes.scripted_wrapper import OFFER
from testkit.servers.servers import Database
from testkit.servers.until import until
from tests.unit.api.auth.test_permissions import session_of
from tests.unit.api.auth.test_tenants import BY_OPERATOR, BY_OTHER, KEYS

JOIN, OFFERS = "/v1/sessions/s/participants", "/v1/sessions/s/connections"
SDP = "v=0\r\na=ice-pwd:a-password-of-ice\r\n"


async def full(_: Envelope) -> BaseModel | None:
    """As a wrapper refuses who finds no seat."""
    raise session_full(2)


async def no_grant(_: Envelope) -> BaseModel | None:
    """As a wrapper refuses an offer."""
    raise publishing_not_granted(["microphone"])


class Heard:
    """What came to the exchange ``events``."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    async def take(self, received: Sequence[ReceivedEvent]) -> None:
        self.events += [{**json.loads(one.body), "key": one.routing_key} for one in received]

    async def until(self, count: int) -> list[dict[str, Any]]:
        async def so_many() -> bool:
            return len(self.events) >= count

        await until(so_many)
        assert len(self.events) == count
        return self.events


@asynccontextmanager
async def hearing(database: Database, far: Far = silent, **settings: Any) -> AsyncIterator[tuple[Api, Heard]]:
    """An API with the keys of two tenants and an operator's, and who hears its events."""
    bus, heard = ScriptedBus(far=far), Heard()
    given = settings_for(database, **{"api_keys": KEYS, "operator_keys": "ops", **settings})
    async with bus.broker.events.consuming("heard", heard.take), api(given, bus) as it:
        yield it, heard


async def test_a_join_that_a_wrapper_refused_is_told_with_who_asked_and_why(database: Database) -> None:
    await session_of(database, tenant="tests")
    async with hearing(database, full) as (it, heard):
        headers = {**BY_KEY, "X-Request-Id": "request-0001"}
        assert (await it.http.post(JOIN, json={"name": "Ada"}, headers=headers)).status_code == 409
        (event,) = await heard.until(1)
    assert event["type"] == "request-refused"
    assert (event["actor"], event["requestid"], event["tenant"]) == ("key:tests", "request-0001", "tests")
    assert (event["sessionid"], event.get("sessionversion"), event["id"][14]) == ("s", None, "7")
    assert event["key"] == "tests.request-refused"
    assert event["data"]["problem"]["code"] == "session-full"
    assert (event["data"]["method"], event["data"]["route"]) == ("POST", "/sessions/{session_id}/participants")


async def test_so_is_an_offer_and_what_this_pod_refuses_by_itself(database: Database) -> None:
    await session_of(database, tenant="tests")
    async with hearing(database, no_grant) as (it, heard):
        ada = it.token(SessionId("s"), ParticipantId("ada"))
        offer = {"kind": "publish", "sdp_offer": OFFER}
        assert (await it.http.post(OFFERS, json=offer, headers=ada)).status_code == 403
        assert (await it.http.post(OFFERS, json={"kind": SDP}, headers=ada)).status_code == 422
        kick = await it.http.delete(f"{JOIN}/mod", headers=ada)
        assert kick.status_code == 403
        events = await heard.until(3)
    assert [one["data"]["problem"]["code"] for one in events] == ["forbidden", "invalid", "forbidden"]
    assert {(one["actor"], one["tenant"]) for one in events} == {("seat:ada", "tests")}
    assert [one["subject"] for one in events] == ["ada", "ada", "mod"]
    assert "ice-pwd" not in json.dumps(events)


async def test_what_succeeds_is_read_or_is_a_strangers_is_not_told(database: Database) -> None:
    await session_of(database, tenant="tests")
    async with hearing(database, full) as (it, heard):
        for method, path, who in (
            ("GET", "/v1/sessions/none", BY_KEY),
            ("POST", JOIN, {"X-API-Key": "not-a-key"}),
            ("POST", "/v1/sessions/s/signals", BY_KEY),
            ("DELETE", "/v1/sessions/" + "x" * 65, BY_KEY),
        ):
            assert (await it.http.request(method, path, json={}, headers=who)).status_code >= 400
        await it.http.post(JOIN, json={}, headers=BY_KEY)
        (event,) = await heard.until(1)
    assert event["data"]["problem"]["code"] == "session-full"
    assert KEY not in json.dumps(event)


async def test_a_token_that_was_good_until_it_expired_is_told_and_no_other_that_is_not_valid(
    database: Database,
) -> None:
    await session_of(database, tenant="tests")
    async with hearing(database, full) as (it, heard):
        now = int(time.time())
        good = {"iss": "tests", "sub": "ada", "session": "*", "iat": now - 60, "exp": now - 1}
        for key, claims in (
            ("not-the-key-of-the-tests-0123456789abcdef", good),
            (KEY, {**good, "iss": "nobody"}),
            (KEY, {**good, "role": "king"}),
            (KEY, {**good, "exp": math.nan}),
            (KEY, {**good, "exp": "1"}),
            (KEY, {**good, "iat": now - 10_000_000}),
            (KEY, good),
        ):
            token = {"Authorization": f"Bearer {jwt.encode(claims, key, 'HS256')}"}
            assert (await it.http.post(JOIN, json={"name": "Ada"}, headers=token)).status_code == 401
        (event,) = await heard.until(1)
    assert (event["actor"], event["tenant"], event["sessionid"]) == ("identity:tests:ada", "tests", "s")
    assert event["data"]["problem"]["code"] == "unauthorized"
    assert "expired" in event["data"]["problem"]["detail"]


async def test_a_tenant_hears_nothing_of_what_others_asked_of_its_session(database: Database) -> None:
    await session_of(database, tenant="tests")
    async with hearing(database, full) as (it, heard):
        for who in (BY_OTHER, BY_OPERATOR, it.token(SessionId("nowhere"), ParticipantId("p"))):
            await it.http.post(JOIN, json={}, headers=who)
        events = await heard.until(2)
    assert [(one["actor"], one["tenant"]) for one in events] == [("key:other", "other"), ("key:ops", "tests")]
    assert events[0]["data"]["problem"]["code"] == "not-found"


async def test_a_caller_is_told_of_so_often_and_another_still_is(database: Database) -> None:
    await session_of(database, tenant="tests")
    async with hearing(database, full) as (it, heard):
        for _ in range(TOLD_EACH + 5):
            await it.http.post(JOIN, json={}, headers=BY_KEY)
        await it.http.post(JOIN, json={}, headers=BY_OPERATOR)
        events = await heard.until(TOLD_EACH + 1)
        assert b'callplane_events_published_total{type="request-refused"} 11.0' in it.program.services.metrics.text()
    assert events[-1]["actor"] == "key:ops"


async def test_too_many_requests_of_one_caller_are_told_as_well(database: Database) -> None:
    await session_of(database, tenant="tests")
    async with hearing(database, full, rate_requests=0.001) as (it, heard):
        ada = it.token(SessionId("s"), ParticipantId("ada"))
        for _ in range(2):
            await it.http.patch(f"{JOIN}/ada", json={"name": "A"}, headers=ada)
        events = await heard.until(2)
    assert [one["data"]["problem"]["code"] for one in events] == ["session-full", "too-many-requests"]


async def test_while_the_broker_is_away_callers_are_answered_and_so_many_wait(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused_requests, "AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(refused_requests, "WAITING", 3)
    there, tried, publish = asyncio.Event(), asyncio.Event(), MemoryEvents.publish

    async def away(self: MemoryEvents, events: Any) -> None:
        tried.set()
        if not there.is_set():
            raise Unavailable("for the test")
        await publish(self, events)

    monkeypatch.setattr(MemoryEvents, "publish", away)
    await session_of(database, tenant="tests")
    async with hearing(database, full) as (it, heard):
        for n in range(5):
            asked = it.http.post(JOIN, json={}, headers={**BY_KEY, "X-Request-Id": f"request-{n}"})
            assert (await asked).status_code == 409
        tried.clear()
        await tried.wait()  # what was being told meanwhile may be one that was given up since
        there.set()
        events = await heard.until(3)
        assert b"callplane_refused_requests_lost_total 2.0" in it.program.services.metrics.text()
        await it.http.post(JOIN, json={}, headers=BY_KEY)
        events = await heard.until(4)
    assert [one["requestid"] for one in events[:3]] == ["request-2", "request-3", "request-4"]
    assert sum(one["data"]["untold"] for one in events) == 2, "the next say how many were lost"


async def test_one_that_cannot_be_told_is_counted_and_holds_up_no_other(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, broken = refused_requests.CloudEvent, ["request-1"]

    def making(**fields: Any) -> Any:
        if fields["requestid"] in broken:
            raise ValueError("no event")
        return make(**fields)

    monkeypatch.setattr(refused_requests, "CloudEvent", making)
    await session_of(database, tenant="tests")
    async with hearing(database, full) as (it, heard):
        for n in range(3):
            asked = it.http.post(JOIN, json={}, headers={**BY_KEY, "X-Request-Id": f"request-{n}"})
            assert (await asked).status_code == 409
        await heard.until(2)
        assert b"callplane_refused_requests_lost_total 1.0" in it.program.services.metrics.text()
        await it.http.post(JOIN, json={}, headers=BY_KEY)
        events = await heard.until(3)
    assert [one["requestid"] for one in events[:2]] == ["request-0", "request-2"]
    assert sum(one["data"]["untold"] for one in events) == 1, "the next says that one was lost"


async def test_nothing_is_told_where_events_are_off(database: Database) -> None:
    await session_of(database, tenant="tests")
    async with hearing(database, full, events=False) as (it, heard):
        assert (await it.http.post(JOIN, json={}, headers=BY_KEY)).status_code == 409
        assert b"request-refused" not in it.program.services.metrics.text()
    assert heard.events == []


def test_the_sampler_tells_ten_a_minute_and_then_how_many_it_did_not() -> None:
    now = [0.0]
    sampler = RefusalSampler(lambda: now[0])
    assert [sampler.take("ada") for _ in range(TOLD_EACH + 3)] == [0] * TOLD_EACH + [None] * 3
    assert sampler.take("bob") == 0
    now[0] += WINDOW_SECONDS
    assert [sampler.take("ada"), sampler.take("ada")] == [3, 0]


def test_the_sampler_remembers_so_many_callers() -> None:
    sampler = RefusalSampler(lambda: 0.0)
    for n in range(3 * CALLERS_KEPT):
        sampler.take(f"caller {n}")
    assert len(sampler._callers) == CALLERS_KEPT
