"""Pods die, pause, drain and lose their connections under load: nothing is lost, nothing overtakes (design 4, 10)."""

import asyncio
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest

from callplane.contracts.ids import ParticipantId
from testkit.inprocess.mailboxes import FAST, Scene, rabbit_scene, texts_of
from testkit.inprocess.pods import Client, Pollable, child_pod
from testkit.servers.machine_time import standstills, within
from testkit.servers.servers import Servers

MESSAGES = 150


async def publish(scene: Scene, numbers: Iterable[int] = range(MESSAGES)) -> None:
    """A steady stream to everybody."""
    for n in numbers:
        await scene.publisher.to_all(str(n))
        await asyncio.sleep(0.01)


async def read_all(
    scene: Scene, participants: Sequence[ParticipantId], pods: Sequence[Pollable], count: int = MESSAGES
) -> list[Client]:
    """Everybody reads everything, in order, and nothing is left."""
    clients = [Client(who, pods, seed) for seed, who in enumerate(participants)]
    async with asyncio.TaskGroup() as tasks:
        for client in clients:
            tasks.create_task(client.read_until(count))
    assert all(client.read == [str(n) for n in range(count)] for client in clients)
    assert {await scene.publisher.waiting(who) for who in participants} == {0}
    return clients


async def test_a_killed_holder_loses_and_reorders_nothing(servers: Servers) -> None:
    """SIGKILL under load; the other pod goes on within two seconds."""
    async with rabbit_scene(servers) as scene, scene.pod() as other, child_pod(servers) as holder:
        seats = [await scene.seat(f"p{n}") for n in range(8)]
        await asyncio.gather(*[holder.poll(who, wait=0) for who in seats])
        held = {(await scene.attachment(who)).holder for who in seats}
        assert len(held) == 1
        async with standstills() as stood_still, asyncio.TaskGroup() as tasks:
            tasks.create_task(publish(scene))
            reading = tasks.create_task(read_all(scene, seats, [holder, other]))
            await asyncio.sleep(0.6)
            await holder.process.kill()
            clients = await reading
            assert max(max(client.gaps) for client in clients) < 2.0 + stood_still()
        assert {(await scene.attachment(who)).n for who in seats} == {2}


async def test_polls_parked_at_a_killed_holder_go_on(servers: Servers) -> None:
    """The next roll call finds its queue gone; the client notices nothing."""
    async with rabbit_scene(servers) as scene, scene.pod() as other, child_pod(servers) as holder:
        ann = await scene.seat("ann")
        await holder.poll(ann, wait=0)
        async with asyncio.TaskGroup() as tasks:
            parked = tasks.create_task(other.poll(ann, wait=10))
            await asyncio.sleep(0.5)
            await holder.process.kill()
            await scene.publisher.to(ann, "1")
            async with within(2):
                assert texts_of(await parked) == ["1"]


async def test_polls_of_a_killed_pod_keep_no_seat_attached(servers: Servers) -> None:
    """Nobody names them any more: their holder drops them, and grace begins."""
    async with (
        rabbit_scene(servers) as scene,
        scene.pod(replace(FAST, away=60)) as holder,
        child_pod(servers) as killed,
        asyncio.TaskGroup() as tasks,
    ):
        ann = await scene.seat("ann")
        await holder.poll(ann, wait=0)
        parked = tasks.create_task(outcome_of(killed, ann))
        await holder.until_parked(ann)
        await killed.process.kill()
        assert await parked is ConnectionError
        assert (await scene.until_state(ann, "detached")).n == 1


async def outcome_of(pod: Pollable, participant: ParticipantId) -> type[Exception] | None:
    """What a long poll ends with."""
    try:
        await pod.poll(participant, wait=30)
    except Exception as failure:
        return type(failure)
    return None


@pytest.mark.long
async def test_a_paused_holder_is_waited_for_and_then_replaced(servers: Servers) -> None:
    """SIGSTOP: 503 while RabbitMQ believes in it, then the other pod, in order; woken, it holds nothing."""
    async with rabbit_scene(servers) as scene, scene.pod() as other, child_pod(servers) as holder:
        ann = await scene.seat("ann")
        await scene.publisher.to(ann, *[str(n) for n in range(30)])
        given = await holder.poll(ann, most=10)
        client = Client(ann, [other])
        loop = asyncio.get_running_loop()
        holder.process.pause()
        began = loop.time()
        await scene.publisher.to(ann, *[str(n) for n in range(30, 40)])
        assert await client.read_until(40) == [str(n) for n in range(40)]
        assert loop.time() - began < 20
        assert any("does not answer" in trouble for trouble in client.trouble)
        holder.process.resume()
        await scene.publisher.to(ann, "40")
        woken = Client(ann, [holder])
        woken._ack = given.ack
        assert await woken.read_until(1) == ["40"]
        assert (await scene.attachment(ann)).n == 2


async def test_a_drained_pod_answers_everybody_and_lets_go(servers: Servers) -> None:
    """Those parked at it and those of other pods get an empty list; the rest go on elsewhere in order."""
    async with rabbit_scene(servers) as scene, scene.pod() as other:
        ann, bob = await scene.seat("ann"), await scene.seat("bob")
        async with asyncio.TaskGroup() as tasks, scene.pod() as leaving:
            await asyncio.gather(leaving.poll(ann, wait=0), leaving.poll(bob, wait=0))
            here, there = tasks.create_task(leaving.poll(ann)), tasks.create_task(other.poll(bob))
            await leaving.until_parked(ann, bob)
            async with within(2):
                await leaving.poll_router.drain()
                assert [texts_of(await one) for one in (here, there)] == [[], []]
            await scene.publisher.to_all("1", "2")
            assert await other.read(ann, 2) == await other.read(bob, 2) == ["1", "2"]


async def test_rolling_drains_under_load(servers: Servers) -> None:
    """Pods come and go while everybody reads: no loss, no disorder, no refusal but 503."""
    async with rabbit_scene(servers) as scene, scene.pod() as first:
        seats = [await scene.seat(f"p{n}") for n in range(6)]
        pods: list[Pollable] = [first]
        clients = [Client(who, pods, seed) for seed, who in enumerate(seats)]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(publish(scene))
            for client in clients:
                client.pods = pods
                tasks.create_task(client.read_until(MESSAGES))
            for _ in range(3):
                async with scene.pod() as passing:
                    pods.append(passing)
                    await asyncio.sleep(0.4)
                    await passing.poll_router.drain()
                    pods.remove(passing)
        assert all(client.read == [str(n) for n in range(MESSAGES)] for client in clients)


async def test_a_lost_connection_gives_everything_back(servers: Servers) -> None:
    """The broker closes the connections of both pods again and again; each starts with nothing every time."""
    async with rabbit_scene(servers) as scene, scene.pod() as a, scene.pod() as b:
        seats = [await scene.seat(f"p{n}") for n in range(6)]
        clients = [Client(who, [a, b], seed) for seed, who in enumerate(seats)]
        async with asyncio.TaskGroup() as tasks:
            for client in clients:
                tasks.create_task(client.read_until(MESSAGES))
            for turn in range(6):
                await publish(scene, range(turn * 20, turn * 20 + 20))
                await scene.until_n(seats[0], turn + 1)
                await close_links(servers, "letters" if turn % 2 else "mailboxes")
            await publish(scene, range(120, MESSAGES))
        assert all(client.read == [str(n) for n in range(MESSAGES)] for client in clients)
        assert {await scene.publisher.waiting(who) for who in seats} == {0}


async def test_a_poll_parked_at_a_pod_that_loses_its_connection_goes_on(servers: Servers) -> None:
    """On the next link, or at the pod that was quicker; the client notices nothing."""
    async with rabbit_scene(servers) as scene, scene.pod() as a, scene.pod() as b, asyncio.TaskGroup() as tasks:
        ann, bob = await scene.seat("ann"), await scene.seat("bob")
        await asyncio.gather(a.poll(ann, wait=0), a.poll(bob, wait=0))
        here, there = tasks.create_task(a.poll(ann, wait=20)), tasks.create_task(b.poll(bob, wait=20))
        await a.until_parked(ann, bob)
        await close_links(servers, "mailboxes")
        await scene.publisher.to_all("1")
        async with within(3):
            assert [texts_of(await one) for one in (here, there)] == [["1"], ["1"]]


async def close_links(servers: Servers, purpose: str) -> None:
    """Have the broker close every connection of that purpose in this virtual host."""
    name, vhost = f'{{<<"connection_name">>, longstr, <<"pod {purpose}">>}}', f'<<"{servers.vhost.name}">>'
    await servers.vhost.node.shell.ask(
        '[rabbit_networking:close_connection(P, "tests") || [{pid, P}, {client_properties, C}, {vhost, V}] <- '
        "rabbit_networking:connection_info_all([pid, client_properties, vhost]), "
        f"V =:= {vhost}, lists:member({name}, C)], true"
    )


async def test_the_law_of_delivery_while_pods_die(servers: Servers) -> None:
    """Message 1 to the session, 2 to user 1, 3 to user 2, over and over, on three pods of which two are killed."""
    chance = random.Random(7)
    async with rabbit_scene(servers) as scene, scene.pod() as staying:
        one, two = await scene.seat("one"), await scene.seat("two")
        async with child_pod(servers) as first, child_pod(servers) as second:
            pods: list[Pollable] = [staying, first, second]
            clients = [Client(one, pods, 1), Client(two, pods, 2)]
            async with asyncio.TaskGroup() as tasks:
                for client in clients:
                    tasks.create_task(client.read_until(80))
                for round_ in range(40):
                    await scene.publisher.to_all(f"all-{round_}")
                    await scene.publisher.to(one, f"one-{round_}")
                    await scene.publisher.to(two, f"two-{round_}")
                    await asyncio.sleep(chance.random() * 0.1)
                    if round_ in (10, 25):
                        await (first if round_ == 10 else second).process.kill()
        for client, name in zip(clients, ("one", "two"), strict=True):
            assert client.read == [text for n in range(40) for text in (f"all-{n}", f"{name}-{n}")]
        assert await scene.publisher.waiting(one) == await scene.publisher.waiting(two) == 0
