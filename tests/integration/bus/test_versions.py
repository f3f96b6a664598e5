"""What two running programs have declared on the broker is nothing that a newer broker refuses."""

import httpx

from testkit.servers.programs import API_KEY, Size, cluster
from testkit.servers.servers import Servers, Vhost

KEY = {"X-API-Key": API_KEY}


async def queues(vhost: Vhost) -> list[dict[str, object]]:
    """Every queue as the broker describes it; each has an owner when it is exclusive."""
    found: list[dict[str, object]] = await vhost.node.shell.ask(
        "[#{name => N, durable => D, auto_delete => A, exclusive => E} ||"
        " [{name, {resource, _, queue, N}}, {durable, D}, {auto_delete, A}, {exclusive, E}]"
        f' <- rabbit_amqqueue:info_all(<<"{vhost.name}">>, [name, durable, auto_delete, exclusive])]'
    )
    return found


async def global_prefetches(vhost: Vhost) -> list[int]:
    """The prefetch of every channel as a whole; 0 where none was asked for."""
    found: list[int] = await vhost.node.shell.ask(
        f'[G || [{{vhost, <<"{vhost.name}">>}}, {{global_prefetch_count, G}}]'
        " <- rabbit_channel:info_all([vhost, global_prefetch_count])]"
    )
    return found


async def test_everything_declared_is_accepted_by_newer_brokers(servers: Servers) -> None:
    async with (
        cluster(servers, Size(apis=1, wrappers=1, media_servers=0)) as c,
        httpx.AsyncClient(base_url=c.apis[0].url, timeout=20) as http,
    ):
        session = (await http.post("/sessions", json={}, headers=KEY)).json()["id"]
        joined = (await http.post(f"/sessions/{session}/participants", json={}, headers=KEY)).json()
        seat = {"Authorization": f"Bearer {joined['token']}"}
        assert (await http.get("/messages?wait=0", headers=seat)).status_code == 200
        there = await queues(servers.vhost)
        names = {str(one["name"]) for one in there}
        assert {"wrapper", "retry", "dead-letters", f"session.{session}"} <= names
        assert f"user.{joined['participant']['id']}" in names
        assert [one for one in there if one["auto_delete"] or not (one["durable"] or one["exclusive"])] == []
        assert sum(bool(one["exclusive"]) for one in there) >= 2
        prefetches = await global_prefetches(servers.vhost)
        assert prefetches
        assert set(prefetches) == {0}
