"""What HTTP expects of any server: HEAD, a whole ``Allow``, 415, and all that is wrong with a request at once."""

import pytest

from testkit.fakes.asgi import BY_KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database


@pytest.mark.parametrize(
    ("method", "path", "known"),
    [
        ("PUT", "/v1/sessions", {"GET", "HEAD", "POST"}),
        ("PUT", "/v1/sessions/s", {"DELETE", "GET", "HEAD", "PATCH"}),
        ("GET", "/v1/tokens", {"POST"}),
        ("POST", "/v1/messages", {"GET"}),
        ("HEAD", "/v1/messages", {"GET"}),
        ("PUT", "/v1/dead-letters", {"DELETE", "GET", "HEAD"}),
    ],
)
async def test_allow_names_every_method_of_the_path(
    database: Database, method: str, path: str, known: set[str]
) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        answer = await it.http.request(method, path, headers=BY_KEY)
    assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, known)


@pytest.mark.parametrize("path", ["/v1/sessions", "/v1/sessions/none", "/openapi.json", "/livez", "/sdk/index.js"])
async def test_head_is_get_without_its_body(database: Database, path: str) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        head, whole = [await it.http.request(method, path, headers=BY_KEY) for method in ("HEAD", "GET")]
        assert (head.status_code, head.content) == (whole.status_code, b"")
        assert head.headers["content-type"] == whole.headers["content-type"]
        assert head.headers.get("content-length") == whole.headers.get("content-length")
        metrics = (await it.http.get("/metrics")).text
    if path.startswith("/v1/"):
        assert 'method="HEAD",route="/sessions' in metrics


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/json", 422),
        ("application/json; charset=utf-8", 422),
        ("application/merge-patch+json", 422),
        (None, 422),
    ],
)
async def test_a_body_of_another_type_is_not_read(database: Database, kind: str | None, status: int) -> None:
    headers = {**BY_KEY, **({"Content-Type": kind} if kind else {})}
    async with api(settings_for(database), ScriptedBus()) as it:
        answer = await it.http.post("/v1/sessions", content=b'{"grace": "x"}', headers=headers)
    assert answer.status_code == status, answer.text


async def test_all_that_is_wrong_is_told_at_once(database: Database) -> None:
    wrong = {"max_participants": 0, "grace": "x", "custom_id": "a b"}
    async with api(settings_for(database), ScriptedBus()) as it:
        body = (await it.http.post("/v1/sessions", json=wrong, headers=BY_KEY)).json()
        many = {"candidates": [{"sdpMLineIndex": -1}] * 50}
        path = "/v1/sessions/s/connections/" + "c" * 36 + "/candidates"
        bounded = (await it.http.post(path, json=many, headers=BY_KEY)).json()
    assert [one["at"] for one in body["errors"]] == ["body.custom_id", "body.max_participants", "body.grace"]
    assert body["errors"][0]["detail"] in body["detail"]
    assert len(bounded["errors"]) == 20
