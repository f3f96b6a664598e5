"""A mailbox that is being taken: whoever meets the mark waits for the outcome."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import pytest

from api.mailboxes.link_tasks import AT_ONCE
from api.mailboxes.unacked import Batch
from callplane.bus.mailbox_ports import MailboxLink, OnPodMessage
from callplane.bus.memory.mailboxes import MemoryMailboxes
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import ParticipantId
from testkit.inprocess.mailboxes import Scene, memory_scene, outcome, pod_on, texts_of
from testkit.servers.servers import Database


class SlowBus:
    """A bus whose links look for mailboxes only when they may."""

    def __init__(self, mailboxes: MemoryMailboxes) -> None:
        self._mailboxes = mailboxes
        self.looking = asyncio.Event()
        self.asked = 0
        self.may_look = asyncio.Event()

    @asynccontextmanager
    async def connect(self, on_message: OnPodMessage) -> AsyncIterator[MailboxLink]:
        """A link that waits before it says how deep a mailbox is."""
        async with self._mailboxes.connect(on_message) as link:
            depth = link.depth

            async def slow(participant_id: ParticipantId) -> int | None:
                self.looking.set()
                self.asked += 1
                await self.may_look.wait()
                return await depth(participant_id)

            link.depth = slow  # type: ignore[method-assign]
            yield link


def slow_bus(scene: Scene) -> SlowBus:
    """The scene's bus, slowed down."""
    assert isinstance(scene.bus, MemoryMailboxes)
    return SlowBus(scene.bus)


async def test_polls_of_one_pod_wait_for_one_taking(database: Database) -> None:
    """However many come while it lasts: one compare-and-set, one consumer, and the last poll gets the message."""
    async with memory_scene(database) as scene:
        bus = slow_bus(scene)
        async with pod_on(bus, scene.database) as pod, asyncio.TaskGroup() as tasks:
            ann = await scene.seat("ann")
            early = [tasks.create_task(outcome(pod.poll(ann))) for _ in range(3)]
            await bus.looking.wait()
            early += [tasks.create_task(outcome(pod.poll(ann))) for _ in range(6)]
            await asyncio.sleep(0.05)
            last = tasks.create_task(pod.poll(ann))
            await asyncio.sleep(0.05)
            bus.may_look.set()
            assert [await one for one in early] == ["poll-replaced"] * 9
            await scene.publisher.to(ann, "1")
            assert texts_of(await last) == ["1"]
            assert (await scene.attachment(ann)).n == 1


async def test_a_storm_of_newcomers_keeps_nobody_out_who_is_attached(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even one whose attachment has to be confirmed; newcomers beyond the line hear at once when to come again."""
    monkeypatch.setattr("api.mailboxes.link_tasks.IN_LINE", 40)
    async with memory_scene(database) as scene:
        bus = slow_bus(scene)
        bus.may_look.set()
        async with pod_on(bus, scene.database) as pod, asyncio.TaskGroup() as tasks:
            ann = await scene.seat("ann")
            await pod.poll(ann, wait=0)
            bus.may_look.clear()
            crowd = [await scene.seat(f"seat-{n}") for n in range(60)]
            polls = [tasks.create_task(_answer(pod.poll(one, wait=0))) for one in crowd]
            async with asyncio.timeout(5):
                while bus.asked < 1 + AT_ONCE:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            pod.link_session.holder.mark_uncertain()
            await scene.publisher.to(ann, "1")
            assert texts_of(await pod.poll(ann, wait=5)) == ["1"]
            bus.may_look.set()
            assert sorted([await poll for poll in polls]) == ["answered"] * 40 + ["unavailable"] * 20


async def _answer(polling: Awaitable[Batch]) -> str:
    try:
        await polling
    except Refusal as refusal:
        return refusal.problem.code
    return "answered"


async def test_forwards_that_meet_the_mark_never_hear_not_mine(database: Database) -> None:
    """Longer than a holder may be silent: the other pod waits, and takes nothing."""
    async with memory_scene(database) as scene:
        bus = slow_bus(scene)
        async with pod_on(bus, scene.database) as taker, scene.pod() as other, asyncio.TaskGroup() as tasks:
            ann = await scene.seat("ann")
            first = tasks.create_task(outcome(taker.poll(ann, wait=10)))
            await bus.looking.wait()
            second = tasks.create_task(other.poll(ann, wait=10))
            await asyncio.sleep(2.5)
            bus.may_look.set()
            assert await first == "poll-replaced"
            await scene.publisher.to(ann, "1")
            assert texts_of(await second) == ["1"]
            assert (await scene.attachment(ann)).n == 1


async def test_a_taking_that_fails_is_told_to_all_who_waited(database: Database) -> None:
    """The mailbox is gone: both pods' clients hear it."""
    async with memory_scene(database) as scene:
        bus = slow_bus(scene)
        async with pod_on(bus, scene.database) as taker, scene.pod() as other, asyncio.TaskGroup() as tasks:
            ann = await scene.seat("ann")
            polls = [tasks.create_task(outcome(taker.poll(ann, wait=10)))]
            await bus.looking.wait()
            polls.append(tasks.create_task(outcome(other.poll(ann, wait=10))))
            await asyncio.sleep(0.2)
            await scene.attachments.end(ann, "left")
            await scene.publisher.delete(ann)
            bus.may_look.set()
            assert [await one for one in polls] == ["join-again left"] * 2
