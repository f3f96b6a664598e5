"""A poll as it mostly comes is plain ASGI; what is otherwise goes through the framework, and is answered the same."""

from api.mailboxes.unacked import Batch
from api.readers.ports import Question
from callplane.bus.mailbox_ports import Publication
from callplane.contracts.errors import Refusal, Unavailable
from testkit.fakes.asgi import BY_KEY, Api, api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.servers.servers import Database


class Readers:
    """Answers with one message, or as the test says."""

    failure: Exception | None = None

    def __init__(self) -> None:
        self.asked: list[Question] = []

    async def poll(self, question: Question) -> Batch:
        """Note it."""
        self.asked.append(question)
        if self.failure is not None:
            raise self.failure
        return Batch((Publication("t", b"{}"),))


def _given(it: Api) -> Readers:
    readers = Readers()
    object.__setattr__(it.program.services, "readers", readers)
    return readers


async def test_a_poll_does_not_meet_the_framework(database: Database, routed: list[str]) -> None:
    """And has all that stands around every request: its id, its counts by route, CORS, its limits."""
    settings = settings_for(database, cors_origins=("https://a.example",), rate_polls=0.2)
    async with api(settings, ScriptedBus()) as it:
        readers, ada = _given(it), it.token("s", "ada")
        origin = {"Origin": "https://a.example", "X-Request-Id": "proxy-0001"}
        answer = await it.http.get("/messages?ack=1&ack=%32.3&wait=7&max=9&other=", headers={**ada, **origin})
        assert answer.json() == {"messages": [{}], "ack": "t"}
        assert (answer.headers["x-request-id"], answer.headers["cache-control"]) == ("proxy-0001", "no-store")
        assert answer.headers["access-control-allow-origin"] == "https://a.example"
        assert readers.asked == [Question("s", "ada", "2.3", 7, 9)]
        await it.http.get("/messages", headers=ada)
        assert (await it.http.get("/messages", headers=ada)).json()["code"] == "too-many-requests"
        assert routed == []
        metrics = (await it.http.get("/metrics")).text
    assert 'callplane_http_requests_total{method="GET",route="/messages",status="200"} 2.0' in metrics
    assert 'callplane_http_requests_total{method="GET",route="/messages",status="429"} 1.0' in metrics


async def test_what_is_refused_is_refused_as_everywhere(database: Database, routed: list[str]) -> None:
    """By whoever is asked: no credential, another's, a seat that is gone, a database that is away, a bug."""
    async with api(settings_for(database), ScriptedBus()) as it:
        readers, ada = _given(it), it.token("s", "ada")
        for headers, status in (({}, 401), ({"Authorization": "Bearer x"}, 401), (BY_KEY, 403)):
            answer = await it.http.get("/messages", headers=headers)
            assert (answer.status_code, answer.json()["instance"]) == (status, "/messages")
            assert answer.headers["content-type"] == "application/problem+json"
        for failure, code in (
            (Refusal("join-again", reason="kicked"), "join-again"),
            (Unavailable("away"), "unavailable"),
            (RuntimeError("a bug"), "internal"),
        ):
            readers.failure = failure
            assert (await it.http.get("/messages", headers=ada)).json()["code"] == code
        assert routed == []


async def test_what_is_otherwise_is_told_by_the_framework(database: Database, routed: list[str]) -> None:
    """A query that says nothing readable, another method, a body."""
    async with api(settings_for(database), ScriptedBus()) as it:
        readers, ada = _given(it), it.token("s", "ada")
        for query in ("wait=61", "wait=nan", "wait=", "max=0", f"ack={'x' * 129}"):
            answer = await it.http.get(f"/messages?{query}", headers=ada)
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), query
        assert (await it.http.post("/messages", headers=ada)).status_code == 405
        assert (await it.http.request("GET", "/messages", content=b"x" * 40_000, headers=ada)).status_code == 413
        assert readers.asked == []
        assert (await it.http.request("GET", "/messages", content=b"{}", headers=ada)).status_code == 200
        assert len(routed) == 8
