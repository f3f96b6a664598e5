"""A mailbox stays with its holder; other pods forward to it (design 4). Two pods on a real broker."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

from callplane.contracts.ids import ParticipantId
from testkit.inprocess.mailboxes import FAST, Scene, TestPod, outcome, rabbit_scene, texts_of
from testkit.servers.servers import Servers


async def two_pods(stack: AsyncExitStack, servers: Servers) -> tuple[Scene, TestPod, TestPod]:
    """A scene with two pods in it."""
    scene = await stack.enter_async_context(rabbit_scene(servers))
    return scene, await stack.enter_async_context(scene.pod()), await stack.enter_async_context(scene.pod())


async def test_both_pods_ask_each_other(servers: Servers) -> None:
    """Each holds one mailbox and is asked for the other; holders stay."""
    async with AsyncExitStack() as stack:
        scene, a, b = await two_pods(stack, servers)
        ann, bob = await scene.seat("ann"), await scene.seat("bob")
        await a.poll(ann, wait=0)
        await b.poll(bob, wait=0)
        before = [await scene.attachment(ann), await scene.attachment(bob)]
        await scene.publisher.to_all("1", "2")
        assert await b.read(ann, 2) == ["1", "2"]
        assert await a.read(bob, 2) == ["1", "2"]
        assert [(one.holder, one.n) for one in before] == [
            ((await scene.attachment(who)).holder, 1) for who in (ann, bob)
        ]
        assert before[0].holder != before[1].holder
        assert await scene.publisher.waiting(ann) == await scene.publisher.waiting(bob) == 0


async def test_a_poll_parked_at_the_holder_gets_what_comes(servers: Servers) -> None:
    """Longer than the holder may be silent; and nothing at all is an empty list."""
    async with AsyncExitStack() as stack:
        scene, a, b = await two_pods(stack, servers)
        ann = await scene.seat("ann")
        await a.poll(ann, wait=0)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        parked = tasks.create_task(b.poll(ann, wait=10))
        await asyncio.sleep(2.5)
        await scene.publisher.to(ann, "1")
        batch = await parked
        assert texts_of(batch) == ["1"]
        assert texts_of(await b.poll(ann, batch.ack, wait=0.5)) == []


async def test_asking_in_turns_reads_everything_once_in_order(servers: Servers) -> None:
    """The acknowledgement of what one pod gave is sent to the other."""
    async with AsyncExitStack() as stack:
        scene, a, b = await two_pods(stack, servers)
        ann = await scene.seat("ann")
        await scene.publisher.to(ann, *[str(n) for n in range(60)])
        got: list[str] = []
        ack = None
        for turn in range(12):
            batch = await (a, b)[turn % 2].poll(ann, ack, most=5)
            got += texts_of(batch)
            ack = batch.ack
        assert got == [str(n) for n in range(60)]


async def test_the_newer_poll_wins_on_whichever_pod(servers: Servers) -> None:
    """409 for the older, here, there, and from there to here."""
    async with AsyncExitStack() as stack:
        scene, a, b = await two_pods(stack, servers)
        ann = await scene.seat("ann")
        await a.poll(ann, wait=0)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        for older, newer in ((a, b), (b, a), (b, b)):
            first = tasks.create_task(outcome(older.poll(ann)))
            await a.until_parked(ann)
            second = tasks.create_task(newer.poll(ann))
            assert await first == "poll-replaced"
            await scene.publisher.to(ann, "1")
            batch = await second
            assert texts_of(batch) == ["1"]
            await newer.poll(ann, batch.ack, wait=0)


async def test_two_pods_asked_at_once_make_one_holder(servers: Servers) -> None:
    """The compare-and-set on n decides; both are answered."""
    async with AsyncExitStack() as stack:
        scene, a, b = await two_pods(stack, servers)
        seats = [await scene.seat(f"p{n}") for n in range(20)]

        async def both(participant: ParticipantId) -> None:
            answers = await asyncio.gather(
                a.poll(participant, wait=0.5), b.poll(participant, wait=0.5), return_exceptions=True
            )
            assert any(not isinstance(answer, BaseException) for answer in answers), answers
            assert (await scene.attachment(participant)).n == 1

        await asyncio.gather(*[both(participant) for participant in seats])
        await scene.publisher.to_all("1", "2")
        for participant in seats:
            assert await b.read(participant, 2) == ["1", "2"]
        consumers = await servers.vhost.consumers()
        assert all(consumers[f"user.{participant}"] == 1 for participant in seats)


async def test_a_client_that_leaves_the_other_pod_is_away(servers: Servers) -> None:
    """Its pod says so, and the holder calls the seat detached."""
    patient = replace(FAST, unnamed=60, away=60)
    async with rabbit_scene(servers) as scene, scene.pod(patient) as a, scene.pod() as b, asyncio.TaskGroup() as tasks:
        ann = await scene.seat("ann")
        await a.poll(ann, wait=0)
        parked = tasks.create_task(b.poll(ann, wait=10))
        await a.until_parked(ann)
        await asyncio.sleep(0.3)  # several roll calls: it stays attached
        assert (await scene.attachment(ann)).state == "attached"
        parked.cancel()
        await scene.until_state(ann, "detached")


async def test_the_end_of_a_seat_reaches_polls_on_both_pods(servers: Servers) -> None:
    """Parked at the holder, and parked there by the other pod."""
    async with AsyncExitStack() as stack:
        scene, a, b = await two_pods(stack, servers)
        ann, bob = await scene.seat("ann"), await scene.seat("bob")
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        await asyncio.gather(a.poll(ann, wait=0), a.poll(bob, wait=0))
        here, there = tasks.create_task(outcome(a.poll(ann))), tasks.create_task(outcome(b.poll(bob)))
        await a.until_parked(ann, bob)
        for participant, reason in ((ann, "kicked"), (bob, "left")):
            await scene.attachments.end(participant, reason)
            await scene.publisher.delete(participant)
        assert await here == "join-again kicked"
        assert await there == "join-again left"


async def test_no_end_of_a_poll_stops_a_taking(servers: Servers) -> None:
    """The client leaves at once; the pod becomes the holder all the same, and says so to others."""
    async with AsyncExitStack() as stack:
        scene, a, b = await two_pods(stack, servers)
        ann = await scene.seat("ann")
        await scene.publisher.to(ann, "1")
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        for _ in range(50):
            hasty = tasks.create_task(a.poll(ann))
            await asyncio.sleep(0.001)
            hasty.cancel()
        assert await b.read(ann, 1) == ["1"]
        assert (await scene.attachment(ann)).n == 1
