"""The edge: an absurd length is refused, every answer has an id, and every request is counted."""

from callplane.contracts.commands import Envelope
from callplane.contracts.errors import Refusal
from testkit.fakes.asgi import BY_KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database


async def test_an_absurd_length_is_refused(database: Database) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        headers = {**BY_KEY, "Content-Length": "9" * 30}
        assert (await it.http.post("/sessions", content=b"{}", headers=headers)).status_code == 413


async def test_a_request_keeps_the_id_that_it_brings(database: Database) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        answer = await it.http.get("/nothing", headers={"X-Request-Id": "proxy-0001"})
        assert (answer.headers["x-request-id"], answer.json()["request_id"]) == ("proxy-0001", "proxy-0001")
        answer = await it.http.get("/nothing", headers={"X-Request-Id": "no id\tat all"})
        assert len(answer.headers["x-request-id"]) == 36


async def test_requests_and_commands_are_counted_by_route(database: Database) -> None:
    async def refuse(_: Envelope) -> None:
        raise Refusal("unavailable")

    async with api(settings_for(database), ScriptedBus(refuse)) as it:
        await it.http.get("/sessions/abc", headers=BY_KEY)
        await it.http.get("/a/path/of/ones/own")
        await it.http.post("/sessions", json={}, headers=BY_KEY)
        text = (await it.http.get("/metrics")).text
    assert 'callplane_http_requests_total{method="GET",route="/sessions/{session_id}",status="404"} 1.0' in text
    assert 'callplane_http_requests_total{method="GET",route="none",status="404"} 1.0' in text
    assert 'callplane_command_seconds_count{command="create",outcome="refused"} 1.0' in text
    assert "ones/own" not in text
