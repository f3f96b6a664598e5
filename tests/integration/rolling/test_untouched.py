"""People in a call do not notice that every wrapper is replaced, and a mute touches nothing but what it mutes."""

from itertools import pairwise

import pytest

from callplane_client.media.synthetic import RATE
from testkit.clients.calls import KEY, Call, call
from testkit.crashes.leak_check import children, pipelines
from testkit.fakes.raw_kurento import RawKurento, raw_kurento
from testkit.servers.programs import Cluster, Size, cluster
from testkit.servers.servers import Servers
from testkit.servers.until import until

FRAME = 1 / RATE
LINKS = ("ElementConnected", "ElementDisconnected")


async def key_frame_requests(kurento: RawKurento, endpoints: list[str]) -> int:
    """How often the media server has asked any publisher for a key frame."""
    stats = [await kurento.invoke(endpoint, "getStats") for endpoint in endpoints]
    return sum(one["pliCount"] for each in stats for one in each.values() if one["type"] == "inboundrtp")


async def touched(kurento: RawKurento, endpoints: list[str]) -> list[tuple[str, str]]:
    """Each connection between endpoints that was made or ended: which, and of which medium."""
    return [(kind, data["mediaType"]) for kind in LINKS for one in endpoints for data in kurento.seen(kind, one)]


async def replace_wrappers(machines: Cluster, c: Call) -> None:
    """One after the other, as a rolling update does; afterwards the new ones own every connection."""
    documents = machines.servers.database.documents
    for old in list(machines.wrappers):
        former = {wrapper["_id"] for wrapper in await documents("wrappers")}
        await machines.start_wrapper()
        await old.terminate()

        async def owned(former: set[str] = former) -> bool:
            alive = {wrapper["_id"] for wrapper in await documents("wrappers")}
            ready = [d for d in await documents("connections") if d["state"] == "ready"]
            return len(alive) == len(former) and len(ready) == 4 and {d["owner"] for d in ready} <= alive

        await until(owned, 20)


@pytest.mark.long
@pytest.mark.timeout(120)
async def test_wrappers_are_replaced_and_people_muted_without_a_gap_or_a_key_frame(servers: Servers) -> None:
    async with (
        cluster(servers, Size(apis=1, wrappers=2)) as machines,
        call([machines.apis[0].url]) as c,
        raw_kurento(machines.media_servers[0].url) as kurento,
    ):
        await c.flows(1, frames=15)
        [pipeline] = await pipelines(machines.media_servers[0].url)
        endpoints = await children(machines.media_servers[0].url, pipeline)
        for endpoint in endpoints:
            await kurento.subscribe(endpoint, *LINKS)
        views = {one.person.id: view.received for one in c.people for view in one.views.values()}
        began = {person: len(view.times) for person, view in views.items()}
        asked = await key_frame_requests(kurento, endpoints)
        await replace_wrappers(machines, c)
        ann = c.people[0].person
        path = f"/sessions/{c.session}/participants/{ann.id}"
        # A server mutes; who is muted unmutes itself.
        for muted, kind, who in (
            (True, "ElementDisconnected", KEY),
            (False, "ElementConnected", ann.authorization),
        ):
            assert (await c.ask("PATCH", path, headers=who, json={"muted": {"audio": muted}})).status_code == 200

            async def heard(kind: str = kind) -> bool:
                return (kind, "AUDIO") in await touched(kurento, endpoints)

            await until(heard)
        await c.flows(1, frames=max(view.video for view in views.values()) + 2 * RATE)
        assert sorted(await touched(kurento, endpoints)) == [(kind, "AUDIO") for kind in LINKS]
        assert await key_frame_requests(kurento, endpoints) == asked
        for person, view in views.items():
            steps = [later - earlier for earlier, later in pairwise(view.times[began[person] :])]
            assert max(steps) < FRAME + 0.10, f"{person}: a gap of {max(steps):.2f} s"
