"""Media servers that die, come back, fall silent and are drained under live calls (design 7, 10)."""

import pytest

from testkit.clients.calls import KEY, Call, call, losses, machine, pool, told
from testkit.clients.participant import person
from testkit.crashes.leak_check import pipelines
from testkit.servers.programs import Cluster, Size
from testkit.servers.until import until

pytestmark = [pytest.mark.alone, pytest.mark.timeout(120)]
SIZE = Size(apis=2, wrappers=2, media_servers=2)
SETTINGS: dict[str, str] = {}


def urls(machines: Cluster) -> list[str]:
    """Where people ask."""
    return [api.url for api in machines.apis]


async def moved_once(c: Call, epoch: int = 2) -> None:
    """Everybody sees everybody again, was told so exactly once, and is who they were."""
    seats = {one.person.id: one.person for one in c.people}
    await c.flows(epoch)
    assert {who: losses(somebody) for who, somebody in seats.items()} == {who: [epoch] for who in seats}
    shown = await c.look()
    assert (shown["epoch"], {seat["id"] for seat in shown["participants"]}) == (epoch, set(seats))
    for somebody in seats.values():
        assert (await somebody.ask("GET", f"/sessions/{c.session}")).status_code == 200
        assert len(told(somebody, "media-ready", epoch=epoch)) == 1
        assert told(somebody, "participant-left") == []


async def only_pipeline(c: Call, machines: Cluster) -> None:
    """One pipeline lives, on the server that the call is on."""

    async def one() -> bool:
        now = await machine(c, machines)
        counts = {m.url: len(await pipelines(m.url)) for m in machines.media_servers if m.process.returncode is None}
        return counts == {url: int(url == now.url) for url in counts}

    await until(one, 20)


async def test_a_killed_server_costs_a_call_one_epoch_and_nothing_else(machines: Cluster) -> None:
    async with call(urls(machines)) as c:
        await c.flows(1)
        old = {one.person.id: dict(one.person.epochs) for one in c.people}
        await (await machine(c, machines)).kill()
        await moved_once(c)
        await only_pipeline(c, machines)
        await _old_ids_do_nothing(c, old)


async def _old_ids_do_nothing(c: Call, old: dict[str, dict[str, int]]) -> None:
    """Candidates and stop of an old epoch's connections touch nothing; none of them has an answer to use."""
    before = await c.look()
    for one in c.people:
        for connection in old[one.person.id]:
            path = f"/sessions/{c.session}/connections/{connection}"
            trickled = await one.person.ask("POST", f"{path}/candidates", json={"candidates": [{"candidate": ""}]})
            assert trickled.status_code == 202
            assert (await one.person.ask("DELETE", path)).status_code == 204
            assert (await one.person.ask("GET", path)).json().get("state") in (None, "released")
    assert (await c.look())["participants"] == before["participants"]
    somebody = c.people[0].person
    again = await somebody.publish(replaces=c.people[0].sent[1])
    assert somebody.epochs[again] == 2


async def test_a_server_that_is_back_within_a_second_is_another_process(machines: Cluster) -> None:
    async with call(urls(machines)) as c:
        await c.flows(1)
        hit = await machine(c, machines)
        await hit.kill()
        await hit.restart()
        await moved_once(c)
        await only_pipeline(c, machines)


async def test_a_silent_server_is_left_and_cleared_when_it_wakes(machines: Cluster) -> None:
    async with call(urls(machines)) as c:
        await c.flows(1)
        hit = await machine(c, machines)
        hit.pause()
        await moved_once(c)
        assert (await pool(c.ask))[hit.url]["state"] == "down"
        assert await machine(c, machines) is not hit
        hit.resume()
        await only_pipeline(c, machines)
        await moved_once(c)


async def test_a_drain_moves_a_live_call_and_a_cordon_keeps_new_ones_away(machines: Cluster) -> None:
    async with call(urls(machines)) as c:
        await c.flows(1)
        hit = await machine(c, machines)
        name = (await pool(c.ask))[hit.url]["name"]
        assert (await c.ask("PATCH", f"/media-servers/{name}", headers=KEY, json={"cordoned": True})).status_code == 200
        async with call(urls(machines), people=1) as other:
            await until(lambda: _sends(other))
            assert await machine(other, machines) is not hit
        assert all(losses(one.person) == [] for one in c.people)
        drained = await c.ask("PATCH", f"/media-servers/{name}", headers=KEY, json={"draining": True})
        assert drained.status_code == 200, drained.text
        await moved_once(c)
        assert await machine(c, machines) is not hit
        await until(lambda: _empty(hit.url))


async def _sends(c: Call) -> bool:
    return bool(c.people[0].sent)


async def _empty(url: str) -> bool:
    return await pipelines(url) == []


async def test_without_any_server_a_call_waits_and_goes_on_when_one_comes(machines: Cluster) -> None:
    async with call(urls(machines)) as c:
        await c.flows(1)
        hit = await machine(c, machines)
        for each in sorted(machines.media_servers, key=lambda one: one is hit):  # else it may move between two kills
            await each.kill()
        for one in c.people:
            await one.person.heard(lambda m: m["type"] == "media-lost")

        async def refused() -> bool:
            return any(text.startswith("503") for one in c.people for text in one.refused)

        await until(refused, 20)
        await hit.restart()
        await moved_once(c)


async def test_a_plain_client_gets_there_by_a_rejoin_and_an_offer(machines: Cluster) -> None:
    async with call(urls(machines)) as c:
        await c.flows(1)
        async with person(c.ask, c.session, KEY, name="Plain") as plain:
            before = await plain.publish()
            await (await machine(c, machines)).kill()
            await plain.heard(lambda m: m["type"] == "media-lost")
            again = await plain.ask("POST", f"/sessions/{c.session}/participants", json={})
            assert again.status_code == 201
            joined = again.json()
            assert (joined["participant"]["id"], joined["token"]) == (plain.id, plain.joined["token"])
            assert (joined["session"]["epoch"], joined["participant"]["name"]) == (2, "Plain")
            assert joined["participant"]["streams"] == []
            fresh = await plain.publish()
            assert (plain.epochs[before], plain.epochs[fresh]) == (1, 2)
            for one in c.people:
                await one.sees(2, plain.id, frames=5)
