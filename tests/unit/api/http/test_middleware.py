"""Every request has an id, one line with its names, and its place in the counts; its command goes on under them."""

import json

import pytest
import structlog
from structlog.testing import capture_logs

from callplane.contracts.commands import Done, Envelope
from callplane.contracts.errors import Refusal
from callplane.telemetry.logs import log_names, named
from testkit.fakes.asgi import BY_KEY, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database

TRACE = "0af7651916cd43dd8448eb211c80319c"
GIVEN = {**BY_KEY, "X-Request-Id": "proxy-0001", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
SESSION = "/sessions/0198f0c0-0000-7000-8000-000000000000"


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


async def test_the_command_of_a_request_carries_its_ids(database: Database) -> None:
    seen: list[dict[str, object]] = []

    async def far(_: Envelope) -> Done:
        seen.append(dict(log_names()))
        return Done()

    bus = ScriptedBus(far)
    async with api(settings_for(database), bus) as it:
        answer = await it.http.delete(SESSION, headers=GIVEN)
        assert answer.status_code == 204
    (command,) = bus.commands
    assert command.request_id == "proxy-0001"
    assert command.traceparent == GIVEN["traceparent"]
    assert command.sent_at is not None
    assert 0 < (command.deadline - command.sent_at).total_seconds() <= 8
    names = {"request_id": "proxy-0001", "trace_id": TRACE, "command": "close", "command_id": command.id}
    assert names.items() <= seen[0].items()
    assert seen[0]["session_id"] == SESSION.removeprefix("/sessions/")
    assert log_names() == {}


async def test_one_line_tells_how_a_request_ended(database: Database) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        with capture_logs() as lines:
            await it.http.get(f"{SESSION}?ticket=hush", headers=GIVEN)
            await it.http.get("/livez")
    told = [line for line in lines if line["event"] == "request"]
    assert [(line["log_level"], line["route"], line["status"]) for line in told] == [
        ("info", "/sessions/{session_id}", 404),
        ("debug", "/livez", 200),
    ]
    assert "hush" not in str(lines)


async def test_what_is_said_of_a_bug_names_its_request_and_command(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fail(_: Envelope) -> None:
        raise RuntimeError("the inner workings")

    structlog.configure(
        processors=[named, structlog.processors.JSONRenderer(default=str)],
        logger_factory=structlog.PrintLoggerFactory(),
    )
    bus = ScriptedBus(fail)
    try:
        async with api(settings_for(database), bus) as it:
            await it.http.delete(SESSION, headers=GIVEN)
    finally:
        structlog.reset_defaults()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    names = {"request_id": "proxy-0001", "trace_id": TRACE, "command_id": bus.commands[0].id}
    for event in ("bug", "request"):
        (line,) = [line for line in lines if line["event"] == event]
        assert names.items() <= line.items()


async def test_a_request_without_a_trace_begins_one(database: Database) -> None:
    async def far(_: Envelope) -> Done:
        return Done()

    bus = ScriptedBus(far)
    async with api(settings_for(database), bus) as it:
        for given in ({}, {"traceparent": "nonsense"}):
            await it.http.delete(SESSION, headers={**BY_KEY, **given})
    traces = [command.traceparent for command in bus.commands]
    assert all(one is not None and one.endswith("-00") for one in traces)
    assert traces[0] != traces[1]


async def test_latency_is_told_by_route_and_status(database: Database) -> None:
    async with api(settings_for(database), ScriptedBus()) as it:
        await it.http.get(SESSION, headers=BY_KEY)
        text = (await it.http.get("/metrics")).text
    labels = 'method="GET",route="/sessions/{session_id}",status="404"'
    assert f"callplane_http_request_seconds_count{{{labels}}} 1.0" in text
    for name in ("mailboxes_held", "polls_parked", "polls_forwarding", "mailboxes_taken_over_total"):
        assert f"\ncallplane_{name} 0.0\n" in text
