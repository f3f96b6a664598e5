"""Who cannot be connected hears of it in time, and so do the others; who is late, but there, is left alone."""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from testkit.clients.calls import KEY
from testkit.clients.participant import Participant, Pods, person, pods
from testkit.fakes.sdp import plain
from testkit.servers.programs import Size, cluster
from testkit.servers.servers import Servers
from testkit.servers.until import until
from wrapper.sweeps.unconnected import NEVER

SECONDS = 5.0
LATE = 2.0
WITHIN = 5.0
"""From the bound to the news, on a busy machine."""

TCP = "candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active"
MDNS = "candidate:1 1 udp 2122260223 4a1f9c1e-5a3c-4b52-9a43-1a2b3c4d5e6f.local 50000 typ host"


class Strange:
    """Asks as somebody whose keys are not those that the offer names, so that DTLS fails."""

    def __init__(self, ask: Pods) -> None:
        self._ask = ask

    async def __call__(self, method: str, path: str, **options: Any) -> httpx.Response:
        """With another fingerprint."""
        body = options.get("json") or {}
        if "sdp_offer" in body:
            lines = body["sdp_offer"].splitlines()
            other = f"a=fingerprint:sha-256 {':'.join(['AB'] * 32)}"
            forged = [other if line.startswith("a=fingerprint:sha-256") else line for line in lines]
            named = [line for line in forged if not line.startswith("a=fingerprint:") or line == other]
            options["json"] = {**body, "sdp_offer": "\r\n".join(named) + "\r\n"}
        return await self._ask(method, path, **options)


class Slow(Strange):
    """Asks as somebody who gets the answer late."""

    async def __call__(self, method: str, path: str, **options: Any) -> httpx.Response:
        """As it is, and later."""
        answer = await self._ask(method, path, **options)
        if "sdp_offer" in (options.get("json") or {}):
            await asyncio.sleep(LATE)
        return answer


async def offers(somebody: Participant, *candidates: str) -> str:
    """Publish what nobody will ever send, with these candidates."""
    connections = f"/sessions/{somebody.session}/connections"
    made = await somebody.ask("POST", connections, json={"kind": "publish", "sdp_offer": plain("sendonly")})
    assert made.status_code == 201, made.text
    given = [{"candidate": candidate, "sdpMLineIndex": 0} for candidate in candidates]
    sent = await somebody.ask("POST", f"{connections}/{made.json()['id']}/candidates", json={"candidates": given})
    assert sent.status_code == 202, sent.text
    return str(made.json()["id"])


async def told_in_time(somebody: Participant, connection: str, began: float) -> None:
    """It hears of its own connection: that it failed, and why."""
    data = {"connection_id": connection, "state": "failed", "reason": NEVER}
    await somebody.heard(lambda m: m["type"] == "connection-state" and m["data"] == data)
    assert SECONDS - 1 < time.monotonic() - began < SECONDS + WITHIN


@pytest.mark.long
@pytest.mark.timeout(120)
async def test_a_connection_that_never_comes_about_is_ended_and_told(servers: Servers) -> None:
    async with (
        cluster(servers, Size(apis=1, wrappers=2), CALLPLANE_CONNECT_SECONDS=str(SECONDS)) as machines,
        pods([machines.apis[0].url]) as ask,
        AsyncExitStack() as stack,
    ):
        session = (await ask("POST", "/sessions", headers=KEY, json={})).json()["id"]
        ways: list[Any] = [ask, ask, ask, Strange(ask), Slow(ask)]
        other, blocked, tcp, strange, late = [
            await stack.enter_async_context(person(way, session, KEY, name=f"Person {n}")) for n, way in enumerate(ways)
        ]
        began = time.monotonic()
        lost = [await offers(blocked, MDNS), await offers(tcp, TCP), await strange.publish()]
        kept = await late.publish()
        for somebody, connection in zip((blocked, tcp, strange), lost, strict=True):
            await told_in_time(somebody, connection, began)
            gone = {"participant_id": somebody.id, "connection_id": connection, "reason": NEVER}
            await other.heard(lambda m, gone=gone: m["type"] == "stream-unpublished" and m["data"] == gone)
        connected = {"connection_id": kept, "state": "connected"}
        await late.heard(lambda m: m["type"] == "connection-state" and m["data"] == connected)
        await asyncio.sleep(max(0.0, began + LATE + SECONDS + 2 - time.monotonic()))  # no event says that nothing comes
        seen = (await ask("GET", f"/sessions/{session}", headers=KEY)).json()
        streams = [stream["connection_id"] for seat in seen["participants"] for stream in seat["streams"]]
        assert streams == [kept]
        assert {seat["state"] for seat in seen["participants"]} == {"joined"}
        # Its event was heard by nobody, as when its wrapper died just then: the media server has the last word.
        async with servers.database.client() as client:
            connections = client[servers.database.name]["connections"]
            past = {"$dateSubtract": {"startDate": "$$NOW", "unit": "second", "amount": 60}}
            await connections.update_one({"_id": kept}, [{"$set": {"media_state": None, "since": past}}])

            async def found_out() -> bool:
                document = await connections.find_one({"_id": kept})
                assert document is not None
                assert document["state"] == "ready"
                return bool(document["media_state"] == "connected")

            await until(found_out)
