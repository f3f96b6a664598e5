"""Every answer that is not 2xx has the one problem body, whoever made it."""

import json

import pytest
from structlog.testing import capture_logs

from callplane.bus.ports import Unroutable
from callplane.contracts.commands import Envelope
from callplane.contracts.errors import Refusal, Unavailable
from testkit.fakes.asgi import BY_KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database

JSON = {"Content-Type": "application/json"}


def check(answer, status: int, code: str) -> dict:
    """It is a whole problem body with this status and code."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    body = answer.json()
    assert (body["status"], body["code"]) == (status, code), body
    assert body["request_id"] == answer.headers["x-request-id"]
    assert set(body) >= {"type", "title", "detail", "instance", "retryable"}
    assert body["retryable"] == ("retry-after" in answer.headers)
    return body


BAD = [
    ("GET", "/nothing", b"", 404, "not-found"),
    ("GET", "/sessions/", b"", 404, "not-found"),
    ("PUT", "/sessions", b"", 405, "method-not-allowed"),
    ("GET", "/sessions/no%00id", b"", 404, "not-found"),
    ("GET", "/sessions/unknown", b"", 404, "not-found"),
    ("GET", "/sessions?limit=many", b"", 422, "invalid"),
    ("GET", "/sessions?stauts=open", b"", 422, "invalid"),
    ("GET", "/sessions?cursor=%C3%A4", b"", 422, "invalid"),
    ("POST", "/sessions", b"", 422, "invalid"),
    ("POST", "/sessions", b"{", 422, "invalid"),
    ("POST", "/sessions", b"\xff\xfe", 422, "invalid"),
    ("POST", "/sessions", b"[" * 30_000, 422, "invalid"),
    ("POST", "/sessions", b"9" * 30_000, 422, "invalid"),
    ("POST", "/sessions", b'{"metadata":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001, 422, "invalid"),
    ("POST", "/sessions", b'{"metadata": {"a": NaN}}', 422, "invalid"),
    ("POST", "/sessions", b'{"metadata": {"a": "\\ud800"}}', 422, "invalid"),
    ("POST", "/sessions", b'{"max_participant": 5}', 422, "invalid"),
    ("POST", "/sessions", b'{"max_participants": "5"}', 422, "invalid"),
    ("POST", "/sessions", b'{"max_participants": 0}', 422, "invalid"),
    ("POST", "/sessions", b'{"custom_id": "a b"}', 422, "invalid"),
    ("POST", "/sessions", b'{"metadata": {"a": "' + b"x" * 9_000 + b'"}}', 422, "invalid"),
    ("POST", "/sessions", b" " * 300_000, 413, "too-large"),
    ("PATCH", "/sessions/any", b"{}", 422, "invalid"),
    ("GET", "/page/nothing.html", b"", 404, "not-found"),
    ("POST", "/sdk/http.js", b"", 405, "method-not-allowed"),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: f"{bad[0]} {bad[1]} {bad[2][:20]!r}")
async def test_bad_requests(database: Database, bad: tuple[str, str, bytes, int, str]) -> None:
    method, path, body, status, code = bad
    bus = ScriptedBus()
    async with api(settings_for(database), bus) as it:
        answer = await it.http.request(method, path, content=body, headers={**BY_KEY, **JSON})
        check(answer, status, code)
        assert not bus.commands


@pytest.mark.parametrize("header", ["abc", '"seven"', 'W/"7"', '"1", "2"'])
async def test_malformed_if_match(database: Database, header: str) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        answer = await it.http.patch("/sessions/any", json={"grace": 1}, headers={**BY_KEY, "If-Match": header})
        check(answer, 400, "bad-request")


async def test_a_refusal_of_the_wrapper_keeps_its_code_and_reason(database: Database) -> None:
    async def refuse(_: Envelope) -> None:
        raise Refusal("unavailable", "No media server is up.", retry_after=7)

    async with api(settings_for(database), ScriptedBus(refuse)) as it:
        answer = await it.http.post("/sessions", json={}, headers=BY_KEY)
        assert check(answer, 503, "unavailable")["detail"] == "No media server is up."
        assert answer.headers["retry-after"] == "7"


@pytest.mark.parametrize("trouble", [Unavailable("the broker is away"), Unroutable()])
async def test_no_broker_and_no_wrapper_are_503(database: Database, trouble: Exception) -> None:
    async def fail(_: Envelope) -> None:
        raise trouble

    async with api(settings_for(database), ScriptedBus(fail)) as it:
        answer = await it.http.post("/sessions", json={}, headers=BY_KEY)
        check(answer, 503, "unavailable")
        assert answer.headers["retry-after"] == "1"


async def test_a_bug_is_a_500_that_says_nothing_of_itself(database: Database) -> None:
    async def fail(_: Envelope) -> None:
        raise RuntimeError("the inner workings")

    async with api(settings_for(database), ScriptedBus(fail)) as it:
        with capture_logs() as lines:
            answer = await it.http.post("/sessions", json={}, headers=BY_KEY)
        body = check(answer, 500, "internal")
        assert "inner workings" not in json.dumps(body)
        assert [line["event"] for line in lines if line["log_level"] == "error"] == ["bug"]
