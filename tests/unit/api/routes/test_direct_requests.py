"""Usual requests are plain ASGI; what is otherwise goes through the framework, and is answered the same."""

from typing import Any

import httpx
import pytest

from testkit.fakes.asgi import BY_KEY, Api, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.fakes.scripted_wrapper import OFFER, answering
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
            monkeypatch.setattr("api.routes.direct_requests._found", lambda _scope: None)
        async with api(settings_for(database), ScriptedBus()) as it:
            for one in OTHERWISE:
                headers = {"X-Request-Id": "proxy-0001", **it.token("s", "ada"), **one.get("headers", {})}
                answer = await it.http.post(SIGNALS, **{**one, "headers": headers})
                told.append((answer.status_code, answer.json()))
    assert told[: len(OTHERWISE)] == told[len(OTHERWISE) :]
    assert {status for status, _ in told} == {415, 422}
    assert len(routed) == 2 * len(OTHERWISE)


SEATS = "/v1/sessions/s/participants"
KEPT = {"Idempotency-Key": "the-one-and-only-1"}
CANDIDATES = [{"candidate": "candidate:1 1 UDP 2130706431 192.0.2.1 5000 typ host", "sdpMid": "0"}]


def asked(it: Api) -> list[httpx.Request]:
    """A request of each kind that is served past the framework, and what each of them may be refused with."""
    ada, key = it.token("s", "ada"), {**BY_KEY, **KEPT}
    offer = {"kind": "publish", "sdp_offer": OFFER}
    large = {"metadata": {"numbers": [1] * 3000}}
    said: list[tuple[str, str, dict[str, str], Any]] = [
        ("POST", "/v1/sessions", key, {"custom_id": "weekly", "metadata": {"é": [1.5, None]}}),
        ("POST", "/sessions", key, {"custom_id": "other"}),
        ("POST", "/v1/sessions", BY_KEY, large),
        ("POST", "/v1/sessions", ada, {}),
        ("POST", SEATS, key, {"name": "Zoë", "role": "moderator"}),
        ("POST", SEATS, ada, {}),
        ("POST", SEATS, it.token("t", "ada"), {}),
        ("POST", "/v1/sessions/s/connections", {**ada, **KEPT}, offer),
        ("POST", "/v1/sessions/s/connections", ada, {**offer, "sdp_offer": "hello"}),
        ("POST", "/v1/sessions/s/connections/c/candidates", ada, CANDIDATES),
        ("POST", "/v1/sessions/s/connections/c/candidates", ada, {"candidates": CANDIDATES * 500}),
        ("DELETE", f"{SEATS}/ada", ada, None),
        ("DELETE", f"{SEATS}/mod", ada, None),
        ("DELETE", "/v1/sessions/s", BY_KEY, None),
        ("DELETE", "/v1/sessions/s", ada, None),
        ("DELETE", "/v1/sessions/s", {"X-API-Key": "nobody"}, None),
    ]
    fixed = {"X-Request-Id": "proxy-0001"}
    return [
        it.http.build_request(method, path, headers=headers | fixed, **({} if body is None else {"json": body}))
        for method, path, headers, body in said
    ]


async def test_a_request_of_each_kind_is_answered_as_by_the_framework(
    database: Database, routed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status, headers and body, and what is sent to wrappers for it."""
    await session_of(database)
    answers: list[list[Any]] = []
    sent: list[list[Any]] = []
    for direct in (True, False):
        if not direct:
            monkeypatch.setattr("api.routes.direct_requests._found", lambda _scope: None)
        bus = ScriptedBus(answering)
        async with api(settings_for(database), bus) as it:
            got = [await it.http.send(request) for request in asked(it)]
        answers.append([(one.status_code, sorted(one.headers.multi_items()), one.content) for one in got])
        sent.append([(one.body, one.caller, one.session_id, one.request_id) for one in bus.commands])
    assert len(routed) == 1 + len(answers[1]), "too many candidates alone are told of by the framework"
    assert answers[0] == answers[1]
    assert sent[0] == sent[1]
    assert [status for status, *_ in answers[0]].count(422) == 3
    assert {one.name for one, *_ in sent[0]} == {"create", "join", "publish", "candidates", "leave", "close"}


OTHER_HEADS: list[tuple[str, str, dict[str, Any]]] = [
    ("DELETE", f"{SEATS}/ada", {"params": {"reason": "gone"}}),
    ("DELETE", f"{SEATS}/ada", {"params": {"ban": "perhaps"}}),
    ("DELETE", f"{SEATS}/ada", {"json": {}}),
    ("DELETE", f"{SEATS}/a%20da", {}),
    ("DELETE", "/v1/sessions/s", {"params": {"reason": ""}}),
    ("POST", "/v1/sessions", {"content": b"null", "headers": {"Content-Type": "application/json"}}),
    ("POST", "/v1/sessions", {"content": b"{}"}),
    ("POST", SEATS, {"json": {"nam": "Ada"}}),
    ("POST", SEATS, {"json": {}, "headers": {"Idempotency-Key": "short"}}),
]
"""Requests of these kinds that only the framework reads."""


@pytest.mark.parametrize(("method", "path", "more"), OTHER_HEADS)
async def test_what_is_said_otherwise_is_read_by_the_framework(
    database: Database, routed: list[str], method: str, path: str, more: dict[str, Any]
) -> None:
    await session_of(database)
    async with api(settings_for(database), ScriptedBus(answering)) as it:
        answer = await it.http.request(method, path, **{**more, "headers": BY_KEY | more.get("headers", {})})
    assert len(routed) == 1
    assert answer.status_code in (204, 404, 422), answer.text
