"""One trace from the browser's request to the calls on a media server, over the real broker and real programs."""

import json
import secrets

import pytest

from testkit.clients.participant import pods
from testkit.inprocess.wrappers import offer
from testkit.servers.otlp_collector import Span, collector
from testkit.servers.programs import API_KEY, Cluster, Size, cluster
from testkit.servers.servers import Servers
from testkit.servers.until import until

KEY = {"X-API-Key": API_KEY}
ONE = Size(apis=1, wrappers=1)


class Browser:
    """The trace of one request, as a browser makes it up."""

    def __init__(self) -> None:
        self.trace, self.span = secrets.token_hex(16), secrets.token_hex(8)
        self.headers = {"traceparent": f"00-{self.trace}-{self.span}-00"}


def path_of(leaf: Span, spans: list[Span]) -> list[str]:
    """The names from the browser down to this span, each with its program."""
    by_id = {span.id: span for span in spans if span.trace == leaf.trace}
    names, here = [], leaf
    while True:
        names.insert(0, f"{here.program}: {here.name}")
        if here.parent not in by_id:
            return [here.parent, *names]
        here = by_id[here.parent]


@pytest.mark.long
async def test_an_offer_is_one_trace_from_the_browser_to_kurento(servers: Servers) -> None:
    join, publish = Browser(), Browser()
    async with (
        collector() as kept,
        cluster(servers, ONE, CALLPLANE_OTLP_ENDPOINT=kept.url) as c,
        pods(api.url for api in c.apis) as ask,
    ):
        session = (await ask("POST", "/sessions", headers=KEY, json={})).json()["id"]
        path = f"/sessions/{session}"
        joined = (await ask("POST", f"{path}/participants", headers=KEY | join.headers, json={})).json()
        token = {"Authorization": f"Bearer {joined['token']}", "X-Request-Id": "from-a-browser"}
        body = {"kind": "publish", "sdp_offer": await offer("sendonly")}
        answer = await ask("POST", f"{path}/connections", headers=token | publish.headers, json=body)
        assert answer.status_code == 201, answer.text

        def complete(spans: list[Span]) -> bool:
            mine = {span.name for span in spans if span.trace == publish.trace}
            return {"kurento processOffer", "kurento gatherCandidates", f"POST {ROUTE}"} <= mine

        spans = await kept.until(complete)
        (process_offer,) = [span for span in spans if span.name == "kurento processOffer"]
        assert path_of(process_offer, spans) == [
            publish.span,
            f"callplane-api: POST {ROUTE}",
            "callplane-api: publish publish",
            "callplane-wrapper: handle publish",
            "callplane-wrapper: kurento processOffer",
        ]
        handled = {span.name for span in spans if span.trace == join.trace}
        assert {"POST /sessions/{session_id}/participants", "publish join", "handle join"} <= handled
        assert not any(span.name.startswith("kurento") for span in spans if span.trace == join.trace)
        assert not any("v=0" in str(span.attributes) for span in spans)
        logged(c, publish.trace)


ROUTE = "/sessions/{session_id}/connections"


def logged(c: Cluster, trace: str) -> None:
    """The lines of both programs name the same request, command, session and participant."""
    (api,), (wrapper,) = c.apis, c.wrappers
    lines = {
        program.name: [
            line for line in map(_json, program.process.output().splitlines()) if line.get("trace_id") == trace
        ]
        for program in (api, wrapper)
    }
    (request,) = [line for line in lines[api.name] if line["event"] == "request"]
    (command,) = [line for line in lines[wrapper.name] if line["event"] == "command"]
    names = ("request_id", "command", "command_id", "session_id", "participant_id")
    assert [request[name] for name in names] == [command[name] for name in names]
    assert (request["request_id"], request["command"]) == ("from-a-browser", "publish")
    assert {"queue_ms", "store_ms", "broker_ms", "kurento_ms"} <= command.keys()
    everything = api.process.output() + wrapper.process.output()
    assert "v=0" not in everything
    assert "Bearer" not in everything


def _json(line: str) -> dict[str, str]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


async def test_without_a_collector_the_ids_travel_all_the_same(servers: Servers) -> None:
    close = Browser()
    async with cluster(servers, ONE) as c, pods(api.url for api in c.apis) as ask:
        session = (await ask("POST", "/sessions", headers=KEY, json={})).json()["id"]
        assert (await ask("DELETE", f"/sessions/{session}", headers=KEY | close.headers)).status_code == 204
        (wrapper,) = c.wrappers

        async def is_logged() -> bool:
            lines = [_json(line) for line in wrapper.process.output().splitlines()]
            return [line.get("command") for line in lines if line.get("trace_id") == close.trace] == ["close"]

        await until(is_logged)
