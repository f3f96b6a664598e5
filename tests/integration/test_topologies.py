"""Where commands wait is switched under calls: by wrappers first, then by the api, and back (design 3.6)."""

from dataclasses import dataclass

import httpx
import pytest

from testkit.servers.programs import API_KEY, Program, Size, cluster
from testkit.servers.servers import Servers, Vhost

KEY = {"X-API-Key": API_KEY}
PER_SESSION = {"CALLPLANE_COMMANDS": "per-session", "CALLPLANE_MAILBOXES": "log"}
SHARDED = PER_SESSION | {"CALLPLANE_COMMANDS": "sharded"}


@dataclass
class Call:
    """A session with somebody in it."""

    id: str
    participant: str

    async def goes_on(self, *apis: Program) -> None:
        """Commands of it are carried out, whichever api is asked."""
        for one in apis:
            async with httpx.AsyncClient(base_url=f"{one.url}/v1", headers=KEY, timeout=20) as http:
                path = f"/sessions/{self.id}/participants/{self.participant}"
                assert (await http.patch(path, json={"display_name": one.name})).status_code in (200, 422)
                changed = await http.patch(f"/sessions/{self.id}", json={"metadata": {"by": one.name}})
                assert changed.status_code == 200, changed.text

    async def ends(self, by: Program) -> None:
        """It is closed, and after that it is closed for everybody."""
        async with httpx.AsyncClient(base_url=f"{by.url}/v1", headers=KEY, timeout=20) as http:
            assert (await http.delete(f"/sessions/{self.id}")).status_code == 204
            late = await http.post(f"/sessions/{self.id}/participants", json={})
            assert (late.status_code, late.json()["code"]) == (409, "session-closed")
            unknown = await http.post("/sessions/nobody/participants", json={})
            assert (unknown.status_code, unknown.json()["code"]) == (404, "not-found")


async def begun(by: Program) -> Call:
    """A new call."""
    async with httpx.AsyncClient(base_url=f"{by.url}/v1", headers=KEY, timeout=20) as http:
        made = await http.post("/sessions", json={})
        assert made.status_code == 201, made.text
        joined = await http.post(f"/sessions/{made.json()['id']}/participants", json={})
        assert joined.status_code == 201, joined.text
        return Call(made.json()["id"], joined.json()["participant"]["id"])


async def has_queue(vhost: Vhost, call: Call) -> bool:
    """Whether anything on the broker bears the name of its session."""
    names = {*await vhost.queues(), *await vhost.exchanges()}
    return any(call.id in name for name in names)


@pytest.mark.long
async def test_calls_go_on_while_the_topology_is_switched_and_switched_back(servers: Servers) -> None:
    vhost = servers.vhost
    async with cluster(servers, Size(apis=1, wrappers=1, media_servers=0), **PER_SESSION) as c:
        [old], [first] = c.apis, c.wrappers
        one = await begun(old)
        assert await has_queue(vhost, one)

        c.extra.update(SHARDED)
        await c.start_wrapper()
        new = await c.start_api()
        two = await begun(new)
        assert await has_queue(vhost, two), "there is a wrapper that would find nothing of it"
        await first.terminate()
        three = await begun(new)
        assert not await has_queue(vhost, three)
        for call in (one, two, three):
            await call.goes_on(old, new)

        c.extra.update(PER_SESSION)
        back = await c.start_wrapper()
        await c.wrappers[1].terminate()
        for call in (one, two, three):
            await call.goes_on(old, new)
        assert back.process.returncode is None
        four = await begun(new)
        assert await has_queue(vhost, four)
        await three.ends(old)
        await two.ends(new)
        assert not await has_queue(vhost, three)
        async with servers.database.client() as client:
            closed = await client[servers.database.name]["sessions"].find_one({"_id": three.id})
        assert closed is not None
        assert closed["commands"] == "sharded"
