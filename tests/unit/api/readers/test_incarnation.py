"""A pod's incarnation: what lapsed never comes back, and no seat ends while a living pod reads to it (L8)."""

import asyncio
from contextlib import closing
from dataclasses import replace

from callplane.store.incarnations import Incarnations
from testkit.fakes.feeds import entry
from testkit.inprocess.log_readers import LogScene, Sink, log_scene, question
from testkit.inprocess.mailboxes import FAST, S, outcome, texts_of
from testkit.servers.servers import Database

BY_HAND = replace(FAST, beat=60.0, away=60.0)
"""Nothing is renewed unless the test does it."""


async def lapse(scene: LogScene, name: str | None) -> None:
    """As if so much time had passed since its last renewal."""
    assert name is not None
    await scene.database["incarnations"].update_one(
        {"_id": name}, [{"$set": {"since": {"$subtract": ["$since", 60_000]}}}]
    )


async def test_one_that_lapsed_is_followed_by_another(database: Database) -> None:
    """Its readers come again, and are attached by the new name: the old one stays over, whatever is written of it."""
    async with log_scene(database) as scene, scene.pod(BY_HAND) as pod, asyncio.TaskGroup() as tasks:
        ann = await scene.seat("ann")
        old = pod.incarnation.name
        with closing(await pod.subscribe((S, ann), None)) as subscription:
            pushing = tasks.create_task(outcome(subscription.push(Sink(), 20)))  # type: ignore[arg-type]
            parked = tasks.create_task(outcome(pod.poll(question(ann, wait=20))))
            await asyncio.sleep(0.05)
            await lapse(scene, old)
            await pod.incarnation.renew()
            assert (await pushing, await parked) == ("unavailable", "unavailable")
            assert await outcome(subscription.next(0)) == "unavailable"
        assert pod.incarnation.name not in (None, old)
        with closing(await pod.subscribe((S, ann), None)):
            assert [tag.p for tag in (await scene.attachment(ann)).pods][-1] == pod.incarnation.name
        assert await Incarnations(scene.database).living([str(old)]) == frozenset()


async def test_our_own_clock_ends_it_before_the_database_does(database: Database) -> None:
    """A pod that cannot renew refuses readers, and does not count on its tags, before a sweep may act."""
    async with (
        log_scene(database) as scene,
        scene.pod(replace(BY_HAND, lease=1.0)) as pod,
        asyncio.TaskGroup() as tasks,
    ):
        ann = await scene.seat("ann")
        scene.log().put(entry("1"))
        assert texts_of(await pod.poll(question(ann))) == ["1"]
        parked = tasks.create_task(outcome(pod.poll(question(ann, "1.0", wait=20))))
        await asyncio.sleep(1.05)
        assert not pod.incarnation.lives
        assert await outcome(pod.poll(question(ann))) == "unavailable"
        pod.incarnation.watch()
        assert await parked == "unavailable"
        assert pod.seats[ann].tag is None
        await pod.incarnation.renew()
        assert texts_of(await pod.poll(question(ann, "0.0"))) == ["1"]


async def test_a_pod_that_wakes_within_a_sweep_keeps_its_seats(database: Database) -> None:
    """Between the sweep's reading and its write it renews and adds: by a name that the sweep has not read."""
    async with log_scene(database) as scene, scene.pod(BY_HAND) as pod:
        ann, bob = await scene.seat("ann"), await scene.seat("bob")
        incarnations = Incarnations(scene.database)
        for seat in (ann, bob):
            (await pod.subscribe((S, seat), None)).leave(closed=False)
        await lapse(scene, pod.incarnation.name)
        standing = await scene.attachments.incarnations()
        dead = standing - await incarnations.living(standing)
        await pod.incarnation.renew()
        with closing(await pod.subscribe((S, ann), None)):
            assert await scene.attachments.remove_dead(dead) == 2
            assert ((await scene.attachment(ann)).state, (await scene.attachment(bob)).state) == (
                "attached",
                "detached",
            )


async def test_an_add_that_arrives_late_is_of_a_name_that_is_over(database: Database) -> None:
    """Whoever waited for it hears 503, though it was written: the next sweep takes it out."""
    async with log_scene(database) as scene, scene.pod(BY_HAND) as pod, asyncio.TaskGroup() as tasks:
        ann = await scene.seat("ann")
        add, written = scene.attachments.add, asyncio.Event()
        held = asyncio.Event()

        async def late(tags):
            found = await add(tags)
            written.set()
            await held.wait()
            return found

        scene.attachments.add = late  # type: ignore[method-assign]
        coming = tasks.create_task(outcome(pod.poll(question(ann))))
        await written.wait()
        old = pod.incarnation.name
        await lapse(scene, old)
        await pod.incarnation.renew()
        held.set()
        assert await coming == "unavailable"
        assert pod.seats[ann].tag is None
        standing = await scene.attachments.incarnations()
        assert standing == {old}
        dead = standing - await Incarnations(scene.database).living(standing)
        assert await scene.attachments.remove_dead(dead) == 1
        assert (await scene.attachment(ann)).state == "detached"


async def test_a_pod_that_stops_lets_everybody_go_at_once(database: Database) -> None:
    """Polls are answered, streams end, newcomers are sent elsewhere, and its name is over."""
    async with log_scene(database) as scene, scene.pod(BY_HAND) as pod, asyncio.TaskGroup() as tasks:
        ann, bob = await scene.seat("ann"), await scene.seat("bob")
        name = pod.incarnation.name
        parked = tasks.create_task(pod.poll(question(ann, wait=20)))
        with closing(await pod.subscribe((S, bob), None)) as subscription:
            pushing = tasks.create_task(outcome(subscription.push(Sink(), 20)))  # type: ignore[arg-type]
            await asyncio.sleep(0.05)
            await pod.drain()
            assert texts_of(await parked) == []
            assert await pushing == "unavailable"
        assert await outcome(pod.poll(question(ann))) == "unavailable"
        assert {(await scene.attachment(seat)).state for seat in (ann, bob)} == {"detached"}
        assert await Incarnations(scene.database).living([str(name)]) == frozenset()
