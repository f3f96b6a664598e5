"""Polls of a mailbox that the asked pod holds."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

from callplane.bus.memory.mailboxes import MemoryMailboxes
from callplane.contracts.bounds import MAILBOX_LENGTH
from testkit.fakes.failing_mailboxes import FailingMailboxes
from testkit.inprocess.mailboxes import FAST, memory_scene, outcome, pod_on, texts_of, types_of
from testkit.servers.machine_time import within
from testkit.servers.servers import Database


async def test_what_is_not_acknowledged_is_given_again(database: Database) -> None:
    """An unknown token acknowledges nothing; a known one everything up to it."""
    async with memory_scene(database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        await scene.publisher.to(ann, "1", "2", "3")
        first = await pod.poll(ann, most=2)
        assert texts_of(first) == ["1", "2"]
        assert texts_of(await pod.poll(ann, ack="never given", most=2)) == ["1", "2"]
        rest = await pod.poll(ann, ack=first.ack)
        assert texts_of(rest) == ["3"]
        assert texts_of(await pod.poll(ann, ack=rest.ack, wait=0)) == []


async def test_an_empty_list_is_the_heartbeat(database: Database) -> None:
    """It comes when the wait is over, and names no token."""
    async with memory_scene(database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        began = asyncio.get_running_loop().time()
        async with within(1.5):
            batch = await pod.poll(ann, wait=0.3)
        assert (texts_of(batch), batch.ack) == ([], None)
        assert asyncio.get_running_loop().time() - began >= 0.29


async def test_a_parked_poll_gets_what_comes_together(database: Database) -> None:
    """Messages of one turn of the loop are one answer."""
    async with memory_scene(database) as scene, scene.pod() as pod, asyncio.TaskGroup() as tasks:
        ann = await scene.seat("ann")
        await pod.poll(ann, wait=0)
        parked = tasks.create_task(pod.poll(ann))
        await asyncio.sleep(0.05)
        await scene.publisher.to(ann, "1", "2", "3")
        assert texts_of(await parked) == ["1", "2", "3"]


async def test_a_newer_poll_replaces_the_older(database: Database) -> None:
    """The older gets 409; the newer gets the message."""
    async with memory_scene(database) as scene, scene.pod() as pod, asyncio.TaskGroup() as tasks:
        ann = await scene.seat("ann")
        await pod.poll(ann, wait=0)
        older = tasks.create_task(outcome(pod.poll(ann)))
        await asyncio.sleep(0.05)
        newer = tasks.create_task(pod.poll(ann))
        assert await older == "poll-replaced"
        await scene.publisher.to(ann, "1")
        assert texts_of(await newer) == ["1"]


async def test_a_poll_that_was_kept_back_replaces_nobody(database: Database) -> None:
    """A pod that was paused hands on what a client had long given up: the newer one stays."""
    async with memory_scene(database) as scene, scene.pod() as pod, asyncio.TaskGroup() as tasks:
        ann = await scene.seat("ann")
        await pod.poll(ann, wait=0)
        kept = pod.new_poll(ann)
        await asyncio.sleep(0.2)
        newer = tasks.create_task(pod.poll(ann))
        await asyncio.sleep(0.05)
        assert await outcome(pod.poll_router.poll(kept)) == "poll-replaced"
        await scene.publisher.to(ann, "1")
        assert texts_of(await newer) == ["1"]


async def test_a_seat_is_detached_when_nobody_asks(database: Database) -> None:
    """After the time for it, and attached again by the next poll, with ``since`` stamped each time."""
    async with memory_scene(database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        await pod.poll(ann, wait=0)
        held = await scene.attachment(ann)
        assert (held.state, held.n) == ("attached", 1)
        detached = await scene.until_state(ann, "detached")
        assert (detached.since - held.since).total_seconds() >= FAST.away - 0.05
        await pod.poll(ann, wait=0)
        again = await scene.attachment(ann)
        assert (again.state, again.n, again.holder) == ("attached", 1, held.holder)
        assert again.since > detached.since


async def test_a_parked_poll_keeps_the_seat_attached(database: Database) -> None:
    """However long it waits."""
    async with memory_scene(database) as scene, scene.pod(replace(FAST, away=0.2)) as pod:
        ann = await scene.seat("ann")
        await pod.poll(ann, wait=1.0)
        assert (await scene.attachment(ann)).state == "attached"


async def test_a_poll_that_comes_while_the_seat_is_called_away_keeps_it_attached(database: Database) -> None:
    """The pod looks who is away just between a poll's attaching the seat again and its being parked."""
    async with memory_scene(database) as scene, scene.pod(replace(FAST, away=60)) as pod:
        ann = await scene.seat("ann")
        await pod.poll(ann, wait=0)
        mailbox = pod.mailbox(ann)
        tasks_of_the_pod = mailbox._tasks
        calls = 0

        class Between:
            async def shielded(self, work: Callable[[], Awaitable[None]]) -> None:
                nonlocal calls
                calls += 1
                await tasks_of_the_pod.shielded(work)
                if calls == 1:
                    await mailbox.attachment.give_up(0)

        mailbox._tasks = cast(Any, Between())
        await mailbox.attachment.give_up(0)
        assert (await scene.attachment(ann)).state == "detached"
        await pod.poll(ann, wait=0.1)
        # It was parked until then, and 60 s have to pass before its end counts.
        assert (calls, (await scene.attachment(ann)).state) == (2, "attached")


async def test_a_client_that_leaves_is_detached_at_once(database: Database) -> None:
    """Its door is closed: nobody waits for the five seconds."""
    async with memory_scene(database) as scene, scene.pod(replace(FAST, away=60)) as pod, asyncio.TaskGroup() as tasks:
        ann = await scene.seat("ann")
        await pod.poll(ann, wait=0)
        parked = tasks.create_task(pod.poll(ann))
        await asyncio.sleep(0.05)
        parked.cancel()
        await scene.until_state(ann, "detached")


async def test_an_ended_seat_is_gone_with_its_reason(database: Database) -> None:
    """At the first poll, at a parked one when the mailbox goes, and at one after it was detached."""
    async with memory_scene(database) as scene, scene.pod() as pod, asyncio.TaskGroup() as tasks:
        ann, bob, eve = [await scene.seat(name) for name in ("ann", "bob", "eve")]
        await scene.attachments.end(ann, "left")
        assert await outcome(pod.poll(ann)) == "join-again left"
        await pod.poll(bob, wait=0)
        parked = tasks.create_task(outcome(pod.poll(bob)))
        await asyncio.sleep(0.05)
        await scene.attachments.end(bob, "kicked")
        await scene.publisher.delete(bob)
        assert await parked == "join-again kicked"
        await pod.poll(eve, wait=0)
        await scene.until_state(eve, "detached")
        await scene.attachments.end(eve, "connection-lost")
        assert await outcome(pod.poll(eve)) == "join-again connection-lost"


async def test_a_lost_queue_is_made_again_while_its_seat_lives(database: Database) -> None:
    """Only a seat that has ended is gone: this one reads on, and hears that messages are missing."""
    async with memory_scene(database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        await pod.poll(ann, wait=0)
        await scene.publisher.to(ann, "lost")
        await scene.publisher.delete(ann)
        first = await pod.poll(ann)
        assert types_of(first) == ["resync-required"]
        await scene.publisher.to(ann, "1")
        assert texts_of(await pod.poll(ann, first.ack)) == ["1"]


async def test_a_mailbox_whose_node_is_down_is_out_of_reach_and_not_gone(database: Database) -> None:
    """503 while the node is down, however often it is asked, with nothing written; read on after, and told of a gap."""
    async with memory_scene(database) as scene:
        assert isinstance(scene.bus, MemoryMailboxes)
        bus = FailingMailboxes(scene.bus)
        async with pod_on(bus, scene.database) as pod, asyncio.TaskGroup() as tasks:
            ann, bob = await scene.seat("ann"), await scene.seat("bob")
            await pod.poll(ann, wait=0)
            parked = tasks.create_task(outcome(pod.poll(ann)))
            await asyncio.sleep(0.05)
            bus.fail(ann)
            assert await parked == "unavailable"
            before = await scene.attachment(ann)
            assert [await outcome(pod.poll(ann)) for _ in range(3)] == ["unavailable"] * 3
            assert await scene.attachment(ann) == before
            await scene.publisher.to(bob, "1")
            assert texts_of(await pod.poll(bob)) == ["1"]
            await scene.until_state(ann, "detached")
            assert await outcome(pod.poll(ann)) == "unavailable"
            assert (await scene.attachment(ann)).state == "attached"
            bus.down.clear()
            await scene.publisher.to(ann, "2")
            assert types_of(await pod.poll(ann)) == ["resync-required", "signal"]
            await scene.publisher.delete(bob)
            await scene.attachments.end(ann, "left")
            bus.fail(ann)
            assert await outcome(pod.poll(ann)) == "join-again left"


async def test_nobody_sits_there(database: Database) -> None:
    """A token outlives its seat's attachment."""
    async with memory_scene(database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        await scene.attachments.delete_of((await scene.attachment(ann)).session_id)
        assert await outcome(pod.poll(ann)) == "join-again connection-lost"


async def test_a_full_mailbox_says_so_first(database: Database) -> None:
    """The oldest are gone; the client reads the snapshot again."""
    async with memory_scene(database) as scene:
        ann = await scene.seat("ann")
        await scene.publisher.to(ann, *[str(n) for n in range(MAILBOX_LENGTH + 5)])
        async with scene.pod() as pod:
            first = await pod.poll(ann, most=3)
            assert b'"type":"resync-required"' in first.received[0].body
            assert texts_of(first)[1:] == ["5", "6"]
            assert texts_of(await pod.poll(ann, ack=first.ack, most=2)) == ["7", "8"]


async def test_a_message_that_nobody_acknowledges_ends_the_seat(database: Database) -> None:
    """Before RabbitMQ would close the channel with every mailbox on it."""
    async with memory_scene(database) as scene, scene.pod(replace(FAST, unread=0.3)) as pod:
        ann = await scene.seat("ann")
        await scene.publisher.to(ann, "1")
        await pod.poll(ann)
        ended = await scene.until_state(ann, "ended")
        assert ended.reason == "connection-lost"
