"""People who vanish without a word: their grace, what the others are told, and the way back within it."""

import asyncio

import pytest

from testkit.clients.calls import KEY, call, told
from testkit.crashes.leak_check import children, pipelines
from testkit.servers.programs import Cluster, Size
from testkit.servers.until import until

pytestmark = [pytest.mark.alone, pytest.mark.timeout(120)]
SETTINGS = {"CALLPLANE_DROP_SECONDS": "1"}
SIZE = Size(apis=2, wrappers=2, media_servers=1)


def urls(machines: Cluster) -> list[str]:
    """Where people ask."""
    return [api.url for api in machines.apis]


async def endpoints(machines: Cluster) -> int:
    """How many endpoints live on the only media server."""
    url = machines.media_servers[0].url
    return sum([len(await children(url, pipeline)) for pipeline in await pipelines(url)])


async def test_who_vanishes_goes_once_after_the_grace_with_everything(machines: Cluster) -> None:
    async with call(urls(machines), grace=4) as c:
        await c.flows(1)
        gone, left = (one.person for one in c.people)
        await gone.abandon()
        about = {"participant_id": gone.id}
        await left.heard(lambda m: m["type"] == "participant-left")
        assert [m["data"] for m in told(left, "participant-left")] == [{**about, "reason": "connection-lost"}]
        assert len(told(left, "participant-reconnecting", **about)) == 1
        assert told(left, "participant-reconnected") == []

        async def clean() -> bool:
            queues = await machines.servers.vhost.queues()
            return f"user.{gone.id}" not in queues and await endpoints(machines) <= 2

        await until(clean)
        assert [seat["id"] for seat in (await c.look())["participants"]] == [left.id]
        late = await c.ask("GET", "/messages", headers=gone.authorization)
        assert (late.status_code, late.json()["code"], late.json()["reason"]) == (410, "join-again", "connection-lost")


async def test_media_that_flows_keeps_a_seat_without_a_reader(machines: Cluster) -> None:
    async with call(urls(machines), grace=2) as c:
        await c.flows(1)
        silent, mute = (one.person for one in c.people)
        mute.stop_reading()
        await silent.hang_up()
        silent.stop_reading()

        async def only_one() -> bool:
            return [seat["id"] for seat in (await c.look())["participants"]] == [mute.id]

        await until(only_one, 30)
        # Longer than drop timer and grace: nothing may happen, which no event can tell.
        await asyncio.sleep(4)
        assert await only_one()


async def test_a_rejoin_within_the_grace_keeps_id_role_and_name(machines: Cluster) -> None:
    async with call(urls(machines), grace=60) as c:
        await c.flows(1)
        lost, other = (one.person for one in c.people)
        role = {"role": "moderator", "name": "Lost"}
        path = f"/sessions/{c.session}/participants"
        assert (await c.ask("PATCH", f"{path}/{lost.id}", headers=KEY, json=role)).status_code == 200
        await lost.abandon()
        await other.heard(lambda m: m["type"] == "participant-reconnecting")
        back = await lost.ask("POST", path, json={})
        assert back.status_code == 201
        seat = back.json()["participant"]
        assert {"id": seat["id"], "role": seat["role"], "name": seat["name"]} == {"id": lost.id, **role}
        async with asyncio.TaskGroup() as group:
            await lost.live(group)
            await lost.publish(replaces=c.people[0].sent[1])
            await other.heard(lambda m: m["type"] == "participant-reconnected")
            await lost.abandon()
        assert len(told(other, "participant-reconnecting")) == 1
        assert told(other, "participant-left") == []
