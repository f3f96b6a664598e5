"""A mailbox that is lost while a poll confirms its seat: the poll looks elsewhere, the seat is looked after."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from api.mailboxes.poll import NotHeld
from callplane.bus.memory.mailboxes import MemoryMailboxes
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import ParticipantId
from testkit.fakes.failing_mailboxes import FailingMailboxes
from testkit.inprocess.mailboxes import Scene, TestPod, memory_scene, outcome, pod_on, types_of
from testkit.servers.servers import Database


def meanwhile(pod: TestPod, participant: ParticipantId, happens: Callable[[], None]) -> None:
    """Let something happen at the end of the next confirmation, before its poll goes on."""
    mailbox = pod.mailbox(participant)
    mailbox.attachment.mark_uncertain()
    tasks = mailbox._tasks

    class Between:
        async def shielded(self, work: Callable[[], Awaitable[None]]) -> None:
            await tasks.shielded(work)
            happens()

    mailbox._tasks = cast(Any, Between())


def fallible(scene: Scene) -> FailingMailboxes:
    """The scene's bus, of which parts can go down."""
    assert isinstance(scene.bus, MemoryMailboxes)
    return FailingMailboxes(scene.bus)


async def test_a_poll_does_not_wait_in_a_mailbox_that_the_broker_took_away(database: Database) -> None:
    """Its node goes while the seat is being called attached; what was written then is what is detached later."""
    async with memory_scene(database) as scene:
        bus = fallible(scene)
        async with pod_on(bus, scene.database) as pod:
            ann = await scene.seat("ann")
            await pod.poll(ann, wait=0)
            meanwhile(pod, ann, lambda: bus.fail(ann))
            mailbox = pod.mailbox(ann)
            async with asyncio.timeout(20):
                with pytest.raises(NotHeld):
                    await mailbox.poll(pod.new_poll(ann, wait=60))
            assert pod.poll_router.pod.interrupted.unasked(math.inf) == [await scene.attachment(ann)]
            await scene.until_state(ann, "detached")
            async with asyncio.timeout(20):
                assert await outcome(pod.poll(ann, wait=60)) == "unavailable"


async def test_a_poll_does_not_wait_on_a_link_that_has_ended(database: Database) -> None:
    """Nothing else could wake it: the next link knows nothing of it. Asked again, the new link answers."""
    async with memory_scene(database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        await pod.poll(ann, wait=0)
        session, mailbox = pod.link_session, pod.mailbox(ann)

        def ends() -> None:
            session.link.end("over")
            session.holder.end()

        meanwhile(pod, ann, ends)
        async with asyncio.timeout(20):
            with pytest.raises(NotHeld):
                await mailbox.poll(pod.new_poll(ann, wait=60))
        async with asyncio.timeout(20):
            await pod.poll(ann, wait=0)


async def test_a_lost_mailbox_that_another_has_taken_ends_no_link(database: Database) -> None:
    """Only a mailbox that is still read here must not be another's."""
    async with memory_scene(database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        await pod.poll(ann, wait=0)
        session, mailbox = pod.link_session, pod.mailbox(ann)
        mailbox.attachment.mark_uncertain()
        mailbox.cancelled()
        await scene.attachments.take(await scene.attachment(ann), "another")
        with pytest.raises(NotHeld):
            await mailbox.poll(pod.new_poll(ann, wait=60))
        assert not session.link.ended.is_set()


async def test_a_gap_that_nobody_acknowledged_outlives_its_link(database: Database) -> None:
    """It is no publication, so that the broker cannot give it again; once acknowledged it is told no more."""
    async with memory_scene(database) as scene:
        bus = fallible(scene)
        async with pod_on(bus, scene.database) as pod:
            ann = await scene.seat("ann")
            bus.fail(ann)
            assert await outcome(pod.poll(ann)) == "unavailable"
            bus.down.clear()
            assert types_of(await pod.poll(ann)) == ["resync-required"]
            pod.link_session.link.end("over")
            again = await pod.poll(ann)
            assert types_of(again) == ["resync-required"]
            assert types_of(await pod.poll(ann, again.ack, wait=0)) == []
            pod.link_session.link.end("over")
            assert types_of(await pod.poll(ann, wait=0.1)) == []


async def test_a_seat_that_was_taken_and_could_not_be_read_is_detached(database: Database) -> None:
    """Its client was told to ask again, and does not: nothing holds the mailbox that could notice."""
    async with memory_scene(database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        link = (await pod.poll_router.pod.require_link_session()).link

        async def busy(_: ParticipantId) -> int | None:
            raise Unavailable("too many questions")

        link.depth = busy  # type: ignore[method-assign]
        assert await outcome(pod.poll(ann)) == "unavailable"
        assert (await scene.attachment(ann)).n == 1
        await scene.until_state(ann, "detached")
