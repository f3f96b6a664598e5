"""Rubbish in every collection and every queue under running programs: nobody who is well notices."""

import asyncio
import re
from datetime import UTC, datetime
from typing import Any

import aio_pika
import bson
import httpx
import pytest
from bson.binary import Binary

from testkit.inprocess.wrappers import offer
from testkit.servers.programs import API_KEY, Cluster, Size, cluster
from testkit.servers.servers import Servers
from testkit.servers.until import until

KEY = {"X-API-Key": API_KEY}
OLD = datetime(2001, 1, 1, tzinfo=UTC)
EVER = datetime(2999, 1, 1, tzinfo=UTC)
COLLECTIONS = (
    "sessions",
    "connections",
    "attachments",
    "media_servers",
    "wrappers",
    "pods",
    "tickets",
    "commands",
    "duties",
)
QUEUES = ("wrapper", "retry", "dead-letters", "session.{session}", "user.{participant}")
BODIES = (b"", b"rubbish", b"\xff\xfe", b"{}", b'{"id": 5}', b"[" * 5000, b'{"body": {"name": "close"}}')


def rubbish() -> list[dict[str, Any]]:
    """What lies in wait for each list, sweep and search: fields of ours, with what is none of ours in them."""
    states = ("open", "closed"), ("ready", "failed"), ("attached", "detached"), ("ended", "up")
    fields: list[dict[str, Any]] = [{}]
    for status, state in states:
        chores = [{"id": 1, "at": OLD, "do": "place"}, {"id": "x", "at": OLD, "do": "no-such-chore", "with": {}}]
        fields.append({"status": status, "state": state, "since": OLD, "outbox": chores, "chores": chores})
        fields.append({"status": status, "state": state, "since": OLD, "outbox": 1, "participants": [{"state": 1}]})
        weird = {"media": Binary(b"\xff", 0x80), "metadata": {"$ref": "a", "$id": bson.ObjectId()}, "holder": [1]}
        fields.append({"status": status, "state": state, "since": EVER, "media_state": "failed", "told": True, **weird})
    fields.append({"status": "open", "server": "gone", "media": 5, "created_at": bson.DatetimeMS(10**17)})
    fields.append({"status": "open", "settings": {"grace": "x", "empty_timeout": 0}, "participants": [], "left": False})
    return fields


async def spoil(c: Cluster) -> int:
    """Write it into every collection, under ids that are like ours and under ids that are not; how many that are."""
    written = 0
    for collection in COLLECTIONS:
        made = rubbish()
        ids: list[Any] = [f"r{n}" for n in range(len(made))]
        ids[1:5] = [bson.ObjectId(), 7, {"a": 1}, "x" * 300]
        documents = [{"_id": id_, **fields} for id_, fields in zip(ids, made, strict=True)]
        await c.servers.database.write(collection, *documents)
        written += len(documents)
    return written


async def litter(c: Cluster, session: str, participant: str) -> None:
    """Put it into every queue, with properties that are none of ours either."""
    async with await aio_pika.connect(c.servers.vhost.url) as connection, connection.channel() as channel:
        for name in QUEUES:
            queue = name.format(session=session, participant=participant)
            for body in BODIES:
                headers: dict[str, Any] = {"attempt": "x", "traceparent": 5, "queue": [], "failed-at": {}}
                odd = aio_pika.Message(body, headers=headers, reply_to="nobody", correlation_id="c" * 200)
                await channel.default_exchange.publish(odd, queue)
                await channel.default_exchange.publish(aio_pika.Message(body), queue)


async def seated(http: httpx.AsyncClient) -> tuple[str, str, dict[str, str]]:
    """Somebody in a new session who publishes: the two ids, and the headers of the seat."""
    made = await http.post("/sessions", json={}, headers=KEY)
    assert made.status_code == 201, made.text
    session = made.json()["id"]
    joined = await http.post(f"/sessions/{session}/participants", json={}, headers=KEY)
    assert joined.status_code == 201, joined.text
    me = {"Authorization": f"Bearer {joined.json()['token']}"}
    body = {"kind": "publish", "sdp_offer": await offer("sendonly")}
    published = await http.post(f"/sessions/{session}/connections", json=body, headers=me)
    assert published.status_code == 201, published.text
    return session, joined.json()["participant"]["id"], me


async def closed(http: httpx.AsyncClient, session: str) -> None:
    """Close it, and wait until all of it is cleaned up, which sweeps have to do."""
    assert (await http.delete(f"/sessions/{session}", headers=KEY)).status_code == 204


@pytest.mark.timeout(120)
async def test_rubbish_everywhere_costs_nobody_else_anything(servers: Servers) -> None:
    async with (
        cluster(servers, Size(apis=1, wrappers=2, media_servers=1), CALLPLANE_TOMBSTONE_SECONDS="3600") as c,
        httpx.AsyncClient(base_url=c.apis[0].url, timeout=15, trust_env=False) as http,
    ):
        session, participant, me = await seated(http)
        await spoil(c)
        await litter(c, session, participant)
        await asyncio.sleep(3)  # every sweep, and a look at the pool, has come past it more than once
        for program in (*c.apis, *c.wrappers, await c.start_wrapper()):
            assert program.process.returncode is None
        for wrapper in c.wrappers:
            counted = (await http.get(f"{wrapper.url}/metrics")).text
            assert '"a sweep failed"' not in wrapper.process.output()  # its item may, which is logged otherwise
            # One of the sessions has an id that is too long for the name of a queue, and costs itself alone.
            assert set(re.findall(r'loop_failures_total{loop="(.*?)"}', counted)) <= {"listening to one session"}
        signal = {"type": "still-here", "to": participant}
        assert (await http.post(f"/sessions/{session}/signals", json=signal, headers=me)).status_code == 202
        await hears(http, me, "still-here")
        await seated(http)
        listed = await http.get("/sessions", headers=KEY, params={"limit": 500})
        assert (listed.status_code, session in listed.text) == (200, True)
        for path in ("/media-servers", "/dead-letters"):
            assert (await http.get(path, headers=KEY)).status_code == 200
        await closed(http, session)

        async def gone() -> bool:
            return f"session.{session}" not in await servers.vhost.queues()

        await until(gone, 20)
        await cleaned(http)


async def hears(http: httpx.AsyncClient, me: dict[str, str], what: str) -> None:
    """Read a mailbox until this has come; what is not ours in it is passed over."""
    ack: str | None = None
    async with asyncio.timeout(15):
        while True:
            query = {"wait": "2", **({"ack": ack} if ack else {})}
            answer = await http.get("/messages", params=query, headers=me)
            assert answer.status_code == 200, answer.text
            ack = answer.json()["ack"]
            if any(one["data"].get("type") == what for one in answer.json()["messages"]):
                return


async def cleaned(http: httpx.AsyncClient) -> None:
    """An operator finds all of it, closes a session as anybody closes one, and removes the rest."""
    assert (await http.delete("/sessions/r13", headers=KEY)).status_code == 204
    found = (await http.get("/unreadable-documents", headers=KEY)).json()
    documents = found["documents"]
    while found["next"]:
        found = (await http.get("/unreadable-documents", headers=KEY, params={"cursor": found["next"]})).json()
        documents += found["documents"]
    assert {one["collection"] for one in documents} == {"sessions", "connections", "attachments", "media_servers"}
    assert "r13" not in [one["id"] for one in documents if one["collection"] == "sessions"]
    for one in documents:
        path = f"/unreadable-documents/{one['collection']}/{one['key']}"
        assert (await http.delete(path, headers=KEY)).status_code == 204, one
        again = await http.delete(path, headers=KEY)
        assert again.status_code in (404, 409), again.text
