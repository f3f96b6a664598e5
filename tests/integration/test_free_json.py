"""Free JSON over HTTP: equal by every route and in every message, and refused by its size before it hurts."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import bson
import httpx
import pytest

from callplane.contracts import bounds
from testkit.fakes.json_values import EXAMPLES, drawn, same
from testkit.inprocess.api_and_wrapper import ApiAndWrapper, api_and_wrapper
from testkit.servers.servers import Database, Servers
from testkit.servers.until import until

VALUES = (EXAMPLES[0], {"all": list(EXAMPLES[1:6])}, EXAMPLES[6], *(drawn(seed) for seed in range(3)))
ME = {"X-API-Key": ""}


async def done(asking: Any, status: int) -> Any:
    """The body of an answer that must have this status."""
    answer = await asking
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def sat(http: httpx.AsyncClient, path: str, metadata: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """A join: its answer, and the headers of the seat."""
    joined = await done(http.post(f"{path}/participants", json={"metadata": metadata}), 201)
    return joined, {**ME, "Authorization": f"Bearer {joined['token']}"}


async def streamed(http: httpx.AsyncClient, me: dict[str, str], heard: list[dict[str, Any]]) -> None:
    """Put down what comes by server-sent events; a stream that ends is opened again, as any client does."""
    while True:
        async with http.stream("GET", "/messages/stream", headers=me) as answer:
            assert answer.status_code in {200, 503}
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    heard.append(json.loads(line.removeprefix("data:")))
        await asyncio.sleep(0.1)


async def polled(http: httpx.AsyncClient, me: dict[str, str], types: set[str]) -> dict[str, Any]:
    """The data of the newest message of each type, by long poll."""
    heard: dict[str, Any] = {}
    query = {"wait": "5"}
    async with asyncio.timeout(15):
        while types - heard.keys():
            batch = await done(http.get("/messages", params=query, headers=me), 200)
            heard |= {one["type"]: one["data"] for one in batch["messages"]}
            query |= {"ack": batch["ack"]} if batch["ack"] else {}
    return heard


async def shown(http: httpx.AsyncClient, value: Any, other: Any) -> AsyncIterator[tuple[str, Any]]:
    """Every place at which the value (or the other one, where it was changed to it) comes back; with its name."""
    made = await done(http.post("/sessions", json={"metadata": value}), 201)
    path = f"/sessions/{made['id']}"
    yield "create", made["metadata"]
    first, me = await sat(http, path, {})
    second, _ = await sat(http, path, value)
    seat = f"{path}/participants/{second['participant']['id']}"
    yield "join", second["participant"]["metadata"]
    yield "join, the session", second["session"]["metadata"]
    read = await done(http.get(path), 200)
    yield "look", read["metadata"]
    yield "look, the seat", read["participants"][1]["metadata"]
    yield "look at the seat", (await done(http.get(seat), 200))["metadata"]
    page = await done(http.get("/sessions", params={"limit": 500}), 200)
    yield "list", next(one for one in page["sessions"] if one["id"] == made["id"])["metadata"]
    heard: list[dict[str, Any]] = []
    listening = asyncio.create_task(streamed(http, (await sat(http, path, {}))[1], heard))
    signal = {"type": "x", "data": {"d": value}}
    await done(http.post(f"{path}/signals", json=signal, headers=me), 202)
    told = await polled(http, me, {"participant-joined", "signal"})
    yield "signal", told["signal"]["data"]["d"]
    await done(http.patch(path, json={"metadata": other}), 200)
    await done(http.patch(seat, json={"metadata": other}), 200)
    told = await polled(http, me, {"session-updated", "participant-updated"})
    yield "session-updated", (other, told["session-updated"]["session"]["metadata"])
    yield "participant-updated", (other, told["participant-updated"]["participant"]["metadata"])

    async def streamed_too() -> bool:
        return "participant-updated" in [one.get("type") for one in heard]

    await until(streamed_too)
    listening.cancel()
    by_type = {one["type"]: one["data"] for one in heard if "data" in one}
    yield "stream: session-updated", (other, by_type["session-updated"]["session"]["metadata"])
    yield "stream: signal", by_type["signal"]["data"]["d"]
    await done(http.delete(path), 204)
    assert first["participant"]["metadata"] == {}


@pytest.mark.timeout(120)
async def test_every_json_value_comes_back_equal_wherever_it_is_shown(servers: Servers) -> None:
    async with api_and_wrapper(servers) as programs:
        for value, other in zip(VALUES, (*VALUES[1:], VALUES[0]), strict=True):
            async for where, seen in shown(programs.http, value, other):
                expected, came = seen if isinstance(seen, tuple) else (value, seen)
                assert same(came, expected), (where, came, expected)
        await _sizes(programs)


async def _sizes(programs: ApiAndWrapper) -> None:
    http, database = programs.http, programs.servers.database
    dense = {"n": [1] * 3000}
    refused = await done(http.post("/sessions", json={"metadata": dense}), 413)
    assert (refused["code"], str(bounds.METADATA_STORED_BYTES) in refused["detail"]) == ("too-large", True)
    path = f"/sessions/{(await done(http.post('/sessions', json={}), 201))['id']}"
    joined, _ = await sat(http, path, {})
    seat = f"{path}/participants/{joined['participant']['id']}"
    await _grow(database, path.rpartition("/")[2], bounds.SESSION_BYTES)
    for asking in (
        http.post(f"{path}/participants", json={}),
        http.patch(path, json={"metadata": {"a": 1}}),
        http.patch(seat, json={"metadata": {"a": 1}}),
    ):
        refused = await done(asking, 413)
        assert (refused["code"], str(bounds.SESSION_BYTES) in refused["detail"]) == ("too-large", True)
    await done(http.patch(seat, json={"name": "still"}), 200)
    assert (await done(http.get("/dead-letters"), 200))["dead_letters"] == []


async def _grow(database: Database, session: str, size: int) -> None:
    """Make its document as large as that, by a field that nobody knows."""
    async with database.client() as client:
        sessions = client[database.name]["sessions"]
        await sessions.update_one({"_id": session}, {"$unset": {"padding": ""}})
        now = await sessions.find_one({"_id": session})
        assert now is not None
        await sessions.update_one({"_id": session}, {"$set": {"padding": "x" * (size - len(bson.encode(now)))}})
