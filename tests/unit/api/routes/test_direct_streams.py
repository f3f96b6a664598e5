"""A stream and a socket as they mostly open are plain ASGI; what is otherwise is told by the framework, the same."""

import json

import pytest
from websockets.exceptions import InvalidStatus

from testkit.clients.transports import frame, opened_socket, opened_stream
from testkit.fakes.asgi import BY_KEY
from testkit.servers.servers import Database
from tests.integration.mailboxes.test_over_http import ANN, Served, served

STREAM, SOCKET = "/messages/stream", "/messages/socket"
LONG = "x" * 129


async def _ticket(pod: Served) -> dict[str, str]:
    return {"ticket": str((await pod.http.post("/messages/tickets")).json()["ticket"])}


async def _first(pod: Served, query: dict[str, str], headers: dict[str, str] | None = None) -> tuple[str, str]:
    """Id of the first message of a stream, and its token."""
    async with opened_stream(pod.http, "", query, headers) as events:
        async for event in events:
            if event["event"] == "message":
                return json.loads(event["data"])["id"], event["id"]
    raise AssertionError("it ended")


async def _refused(pod: Served, query: dict[str, str], headers: dict[str, str] | None = None) -> tuple[int, str]:
    """How a handshake is refused: status and code, in a body like any other's."""
    with pytest.raises(InvalidStatus) as refused:
        async with opened_socket(pod.url, query, headers):
            pass
    answer = refused.value.response
    assert answer.headers["content-type"] == "application/problem+json"
    said = json.loads(answer.body or b"")
    assert (said["instance"], bool(said["request_id"])) == (f"/v1{SOCKET}", True)
    return answer.status_code, said["code"]


async def test_a_stream_and_a_socket_do_not_meet_the_framework(database: Database, routed: list[str]) -> None:
    """By ticket and by token; with what stands around every request, and counted by their routes."""
    async with served(database) as pod:
        await pod.scene.publisher.to(ANN, "1", "2", "3")
        ticket, bearer = await _ticket(pod), {"Authorization": f"Bearer {pod.token}"}
        routed.clear()
        async with pod.http.stream("GET", STREAM, params=ticket, headers={"X-Request-Id": "proxy-0001"}) as answer:
            assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
            assert (answer.headers["x-request-id"], answer.headers["cache-control"]) == ("proxy-0001", "no-store")
            assert (answer.headers["x-accel-buffering"], answer.headers["x-content-type-options"]) == ("no", "nosniff")
            assert "content-length" not in answer.headers
        assert (await _first(pod, {}))[0] == "1"
        async with opened_socket(pod.url, {}, bearer) as socket:
            given = await frame(socket)
            assert [message["id"] for message in given["messages"]] == ["1", "2", "3"]
        id_, token = await _first(pod, {"max": "1"})
        assert (await _first(pod, {"ack": "unknown"}, {"Last-Event-ID": token}))[0] == "2"
        assert id_ == "1"
        assert routed == []
        metrics = (await pod.http.get("/metrics")).text
    assert 'callplane_http_requests_total{method="GET",route="/messages/stream",status="200"} 4.0' in metrics


async def test_what_is_refused_is_refused_as_everywhere(database: Database, routed: list[str]) -> None:
    """No credential, one that reads no mailbox, a ticket that nobody has, a seat that is gone."""
    async with served(database) as pod:
        bearer = {"Authorization": f"Bearer {pod.token}"}
        await pod.scene.attachments.end(ANN, "kicked")
        for query, headers, status, code in (
            ({}, {}, 401, "unauthorized"),
            ({}, {"Authorization": "Bearer x"}, 401, "unauthorized"),
            ({}, BY_KEY, 403, "forbidden"),
            ({"ticket": "nobody's"}, {}, 401, "unauthorized"),
            ({}, bearer, 410, "join-again"),
        ):
            assert await _refused(pod, query, headers) == (status, code)
            del pod.http.headers["Authorization"]
            answer = await pod.http.get(STREAM, params=query, headers=headers)
            pod.http.headers.update(bearer)
            assert (answer.status_code, answer.json()["code"], answer.json()["instance"]) == (status, code, STREAM)
            assert answer.headers["content-type"] == "application/problem+json"
        assert routed == []


async def test_what_is_otherwise_is_told_by_the_framework(database: Database, routed: list[str]) -> None:
    """What cannot be read, another method, a body, and a socket's path without its handshake."""
    async with served(database) as pod:
        for asked, status in (
            (pod.http.get(STREAM, params={"ack": LONG}), 422),
            (pod.http.get(STREAM, params={"ticket": LONG}), 422),
            (pod.http.get(STREAM, headers={"Last-Event-ID": LONG}), 422),
            (pod.http.post(STREAM), 405),
            (pod.http.get(SOCKET), 400),
        ):
            assert (await asked).status_code == status
        assert routed == [STREAM] * 4 + [SOCKET]
        assert await _refused(pod, {"ack": LONG}, {"Authorization": f"Bearer {pod.token}"}) == (422, "invalid")
        async with pod.http.stream("GET", STREAM, params={}, headers={"Content-Length": "0"}) as answer:
            assert answer.status_code == 200
        assert routed[5:] == [STREAM]
