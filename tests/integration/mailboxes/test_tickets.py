"""Tickets: one use, one minute, one seat, on whichever pods they are made and used (design 8.1)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from websockets.exceptions import InvalidStatus

from api.auth.token_bucket import Rate
from api.auth.tokens import ParticipantTokens
from testkit.clients.transports import opened_socket, opened_stream
from testkit.fakes.asgi import BY_KEY, SECRET
from testkit.inprocess.mailboxes import S
from testkit.inprocess.served_pods import Served, served
from testkit.servers.servers import Servers


async def opens(pods: Served, url: str, query: dict[str, str]) -> int:
    """The status that opening a stream is answered with; it is closed again."""
    async with pods.http.stream("GET", f"{url}/messages/stream", params=query) as answer:
        return answer.status_code


async def upgrades(url: str, query: dict[str, str], headers: dict[str, str] | None = None) -> int:
    """The same of a socket."""
    try:
        async with opened_socket(url, query, headers):
            return 101
    except InvalidStatus as refused:
        assert refused.response.headers["content-type"] == "application/problem+json"
        return refused.response.status_code


async def test_a_ticket_opens_one_door_once(servers: Servers) -> None:
    """Twelve uses at once on two pods, half of them sockets: one wins, the rest hear 401."""
    async with served(servers) as pods:
        ann = pods.reader(await pods.scene.seat("ann"))
        for _ in range(5):
            query = {"ticket": await ann.ticket(pods.urls[0])}
            streams = [opens(pods, url, query) for url in pods.urls * 3]
            sockets = [upgrades(url, query) for url in pods.urls * 3]
            statuses = sorted(await asyncio.gather(*streams, *sockets))
            assert statuses[0] in (101, 200)
            assert statuses[1:] == [401] * 11
            assert await opens(pods, pods.urls[1], query) == 401


async def test_a_ticket_ages(servers: Servers) -> None:
    """By the database's clock, whenever its own sweep comes."""
    async with served(servers) as pods, servers.database.client() as client:
        ann = pods.reader(await pods.scene.seat("ann"))
        tickets = client[servers.database.name]["tickets"]
        for age, status in ((50, 200), (61, 401)):
            query = {"ticket": await ann.ticket(pods.urls[0])}
            [made] = await tickets.find({"used": {"$exists": False}}).to_list()
            await tickets.update_one({"_id": made["_id"]}, {"$set": {"at": made["at"] - timedelta(seconds=age)}})
            assert await opens(pods, pods.urls[1], query) == status
            await tickets.delete_many({})


async def test_what_is_no_ticket_is_refused(servers: Servers) -> None:
    """Wrong, empty, too long, none at all; and no other credential opens a mailbox."""
    async with served(servers, pods=1) as pods:
        await pods.scene.seat("ann")
        [url] = pods.urls
        for query, status in (
            ({"ticket": "x" * 32}, 401),
            ({"ticket": ""}, 401),
            ({"ticket": "x" * 129}, 422),
            ({}, 401),
        ):
            assert await opens(pods, url, query) == status
            assert await upgrades(url, query) == status
        assert (await pods.http.get(f"{url}/messages/stream", headers=BY_KEY)).status_code == 403
        assert await upgrades(url, {}, BY_KEY) == 403
        for headers, status in (({}, 401), (BY_KEY, 403)):
            assert (await pods.http.post(f"{url}/messages/tickets", headers=headers)).status_code == status
        plain = await pods.http.get(f"{url}/messages/socket", headers=BY_KEY)
        assert (plain.status_code, plain.json()["code"]) == (400, "bad-request")


async def test_who_can_send_a_header_needs_no_ticket(servers: Servers) -> None:
    """And ``Last-Event-ID`` is the acknowledgement, which the next stream does not give again."""
    async with served(servers) as pods:
        ann = await pods.scene.seat("ann")
        await pods.scene.publisher.to(ann, "1", "2")
        token = {"Authorization": f"Bearer {ParticipantTokens([SECRET]).sign(S, ann)}"}
        async with opened_stream(pods.http, pods.urls[0], {}, token) as events:
            first = [await _message(events) for _ in range(2)]
        again = {**token, "Last-Event-ID": first[0]["id"]}
        async with opened_stream(pods.http, pods.urls[1], {"ack": "of no message"}, again) as events:
            second = await _message(events)
        assert second["id"] == first[1]["id"]
        async with opened_socket(pods.urls[0], {}, token) as socket:
            assert '"id":"2"' in str(await socket.recv())


async def _message(events: AsyncIterator[dict[str, str]]) -> dict[str, str]:
    while (event := await anext(events))["event"] != "message":
        pass
    return event


async def test_a_seat_that_is_gone_gets_no_ticket(servers: Servers) -> None:
    """410 with the reason, as its polls do: a browser learns it here, for a failed handshake tells it nothing."""
    async with served(servers, pods=1) as pods:
        participant = await pods.scene.seat("ann")
        ann = pods.reader(participant)
        kept = await ann.ticket(pods.urls[0])
        await pods.scene.attachments.end(participant, "kicked")
        answer = await pods.http.post(f"{pods.urls[0]}/messages/tickets", headers=ann.headers)
        assert (answer.status_code, answer.json()["reason"]) == (410, "kicked")
        assert await upgrades(pods.urls[0], {"ticket": kept}) == 410


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("{}", 4422),
        ("not json", 4422),
        ('{"ack": 7}', 4422),
        ('{"ack": ""}', 4422),
        ('{"ack": "t", "more": 1}', 4422),
        ('{"ack": "' + "t" * 129 + '"}', 4422),
        (b'{"ack": "t"}', 4422),
        ('{"ack": "' + "t" * 270_000 + '"}', 1009),
    ],
)
async def test_a_frame_that_says_something_else_ends_the_socket(servers: Servers, sent: str | bytes, code: int) -> None:
    """With a code and a reason; nothing of it is logged, and the mailbox is as it was."""
    async with served(servers, pods=1) as pods:
        participant = await pods.scene.seat("ann")
        await pods.scene.publisher.to(participant, "1")
        ann = pods.reader(participant)
        async with opened_socket(pods.urls[0], {"ticket": await ann.ticket(pods.urls[0])}) as socket:
            await socket.send('{"ack": "never given"}')
            await socket.send(sent)
            async with asyncio.timeout(20):
                await socket.wait_closed()
            assert socket.close_code == code
            assert code == 1009 or socket.close_reason.startswith("invalid: ")
        assert await ann.read_until(1) == ["1"]


async def test_a_flood_of_frames_ends_the_socket(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """429, for one client may not keep a pod busy with nothing."""
    monkeypatch.setattr("api.streaming.websocket.FRAMES", Rate(0.1, 20))
    async with served(servers, pods=1) as pods:
        ann = pods.reader(await pods.scene.seat("ann"))
        async with opened_socket(pods.urls[0], {"ticket": await ann.ticket(pods.urls[0])}) as socket:
            for _ in range(20):
                await socket.send('{"ack": "t"}')
            await socket.recv()
            await socket.send('{"ack": "t"}')
            async with asyncio.timeout(20):
                await socket.wait_closed()
            assert (socket.close_code, socket.close_reason) == (4429, "too-many-requests")


async def test_another_method_is_no_door(servers: Servers) -> None:
    """405 with a problem body, as everywhere."""
    doors = (("POST", "/messages/stream"), ("GET", "/messages/tickets"), ("DELETE", "/messages/socket"))
    async with served(servers, pods=1) as pods:
        for method, path in doors:
            answer = await pods.http.request(method, f"{pods.urls[0]}{path}")
            assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed")
