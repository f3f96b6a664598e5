"""A signal as it mostly comes is plain ASGI; what is otherwise goes through the framework, and is answered the same."""

from typing import Any

import pytest

from testkit.fakes.asgi import BY_KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database
from tests.unit.api.auth.test_permissions import session_of

SIGNALS = "/sessions/s/signals"


async def test_a_signal_does_not_meet_the_framework(database: Database, routed: list[str]) -> None:
    """And has all that stands around every request: its id, its counts by route, CORS, its limits and its key."""
    await session_of(database)
    settings = settings_for(database, cors_origins=("https://a.example",), rate_signals=0.3)
    bus = ScriptedBus()
    async with api(settings, bus) as it:
        ada = it.token("s", "ada") | {"Origin": "https://a.example", "X-Request-Id": "proxy-0001"}
        once = ada | {"Idempotency-Key": "the-one-and-only-1"}
        sent = [await it.http.post(SIGNALS, json={"type": "wave", "data": "é"}, headers=once) for _ in range(2)]
        assert [answer.status_code for answer in sent] == [202, 202]
        assert sent[0].json() == sent[1].json() == {"id": bus.published[0][1].id}
        assert (sent[0].headers["content-type"], sent[0].headers["x-request-id"]) == ("application/json", "proxy-0001")
        assert sent[0].headers["access-control-allow-origin"] == "https://a.example"
        other = await it.http.post(SIGNALS, json={"type": "bow"}, headers=once)
        assert (other.status_code, other.json()["code"]) == (422, "key-reused")
        assert (await it.http.post(SIGNALS, json={"type": "x"}, headers=ada)).json()["code"] == "too-many-requests"
        assert routed == []
        metrics = (await it.http.get("/metrics")).text
    route = 'method="POST",route="/sessions/{session_id}/signals"'
    assert f'callplane_http_requests_total{{{route},status="202"}} 2.0' in metrics
    assert f'callplane_http_requests_total{{{route},status="429"}} 1.0' in metrics


async def test_what_is_refused_is_refused_as_everywhere(database: Database, routed: list[str]) -> None:
    """No credential, another session's, a receiver that is nobody, too long a body."""
    await session_of(database)
    async with api(settings_for(database), ScriptedBus()) as it:
        for headers, body, status in (
            ({}, {"type": "x"}, 401),
            (it.token("t", "ada"), {"type": "x"}, 403),
            (it.token("s", "ada"), {"type": "x", "to": "nobody"}, 404),
            (it.token("s", "ada"), {"type": "x", "data": "y" * 40_000}, 413),
            (BY_KEY, {"type": "x", "volatile": True}, 409),
        ):
            answer = await it.http.post(SIGNALS, json=body, headers=headers)
            assert (answer.status_code, answer.json()["instance"]) == (status, SIGNALS)
            assert answer.headers["content-type"] == "application/problem+json"
        assert routed == []


OTHERWISE: list[dict[str, Any]] = [
    {"content": b"{", "headers": {"Content-Type": "application/json"}},
    {"content": b"[" * 20_000, "headers": {"Content-Type": "application/json"}},
    {"content": b"\xff", "headers": {"Content-Type": "application/json"}},
    {"json": {"type": ""}},
    {"json": {"type": "x", "more": 1}},
    {"json": {"type": "x"}, "headers": {"Idempotency-Key": "short"}},
    {"content": b'{"type": "x"}', "headers": {"Content-Type": "text/plain"}},
    {"content": b""},
]
"""Requests that only the framework reads."""


async def test_what_is_otherwise_is_told_by_the_framework(
    database: Database, routed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the body that was read already: the same answer as where nothing goes past it."""
    await session_of(database)
    told = []
    for direct in (True, False):
        if not direct:
            monkeypatch.setattr("api.routes.direct_signals._session_of", lambda _scope: None)
        async with api(settings_for(database), ScriptedBus()) as it:
            for one in OTHERWISE:
                headers = {"X-Request-Id": "proxy-0001", **it.token("s", "ada"), **one.get("headers", {})}
                answer = await it.http.post(SIGNALS, **{**one, "headers": headers})
                told.append((answer.status_code, answer.json()))
    assert told[: len(OTHERWISE)] == told[len(OTHERWISE) :]
    assert {status for status, _ in told} == {415, 422}
    assert len(routed) == 2 * len(OTHERWISE)
