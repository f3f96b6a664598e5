"""The programs on a replica set of three: an api and wrappers go on while its primary changes."""

import asyncio
import time
from typing import Any

import httpx
import pytest

from testkit.servers.clusters import SetDatabase
from testkit.servers.programs import API_KEY, Cluster, Size, cluster
from testkit.servers.servers import Servers, Vhost

pytestmark = pytest.mark.clusters

PATIENCE = 20.0


class Client:
    """Asks again while the answer is one that passes."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def __call__(self, method: str, path: str, body: Any = None, key: str = "") -> dict[str, Any]:
        """The answer's body, once it is one."""
        headers = {"X-API-Key": API_KEY} | ({"Idempotency-Key": key.ljust(16, "-")} if key else {})
        end = time.monotonic() + PATIENCE
        while True:
            answer = await self._http.request(method, path, json=body, headers=headers)
            if answer.is_success:
                said: dict[str, Any] = answer.json() if answer.content else {}
                return said
            assert answer.status_code == 503, answer.text
            assert time.monotonic() < end, answer.text
            await asyncio.sleep(0.2)


@pytest.mark.timeout(120)
async def test_programs_go_on_over_elections(vhost: Vhost, set_database: SetDatabase) -> None:
    members = set_database.replica_set
    async with cluster(Servers(vhost, set_database), Size(apis=1, wrappers=2)) as c:
        async with httpx.AsyncClient(base_url=c.apis[0].url, trust_env=False, timeout=15) as http:
            ask = Client(http)
            session = (await ask("POST", "/sessions", {}, "first"))["id"]
            seat = (await ask("POST", f"/sessions/{session}/participants", {}, "seat"))["participant"]["id"]
            primary = await members.primary()
            for n, fault in enumerate((members.step_down, primary.kill, None), 1):
                changed = {"metadata": {"n": n}}
                await ask("PATCH", f"/sessions/{session}", changed)
                if fault is not None:
                    await fault()
                # What was acknowledged is there, a new session is listened to, and a message finds its mailbox.
                look = await ask("GET", f"/sessions/{session}")
                assert look["metadata"] == {"n": n}
                later = (await ask("POST", "/sessions", {}, f"later-{n}"))["id"]
                await ask("POST", f"/sessions/{later}/participants", {}, f"seat-{n}")
                await ask("POST", f"/sessions/{session}/signals", {"type": "n", "data": n, "to": seat}, f"signal-{n}")
        assert _statuses(c) == [None, None, None]
        assert (await vhost.queues())[f"user.{seat}"] >= 3


def _statuses(c: Cluster) -> list[int | None]:
    return [program.process.returncode for program in (*c.apis, *c.wrappers)]
