"""An open stream of a mailbox: where it goes on, what it remembers, and when it has had enough."""

import asyncio
from dataclasses import replace

import pytest

from api.mailboxes.subscription import REMEMBERED, UNACKNOWLEDGED, Subscription
from api.mailboxes.unacked import UnackedWindow
from callplane.bus.mailbox_ports import PREFETCH, Publication
from callplane.contracts.errors import Refusal
from testkit.inprocess.mailboxes import FAST, S, memory_scene, outcome, texts_of
from testkit.servers.servers import Database


def window(*tokens: str) -> UnackedWindow:
    """A window that holds these."""
    made = UnackedWindow()
    for token in tokens:
        made.add(Publication(token, b"{}"), 0.0)
    return made


def tokens_of(received: tuple[Publication, ...]) -> list[str]:
    return [one.token for one in received]


def test_a_window_goes_on_behind_what_was_given() -> None:
    """Without forgetting it; and from the front where it is not there."""
    held = window("a", "b", "c")
    assert tokens_of(held.head(9, "b")) == ["c"]
    assert tokens_of(held.head(1, "a")) == ["b"]
    assert tokens_of(held.head(9, "c")) == []
    assert tokens_of(held.head(9, "of another holder")) == ["a", "b", "c"]
    held.acknowledge("b")
    assert tokens_of(held.head(9, "b")) == ["c"]


async def test_each_is_given_once_though_nothing_is_acknowledged(database: Database) -> None:
    """A parked one hears what comes, behind what waits for its acknowledgement."""
    async with memory_scene(database) as scene, scene.pod() as pod, asyncio.TaskGroup() as tasks:
        ann = await scene.seat("ann")
        await scene.publisher.to(ann, "1", "2")
        subscription = Subscription(pod.poll_router, (S, ann), None)
        assert texts_of(await subscription.next(0)) == ["1", "2"]
        assert texts_of(await subscription.next(0)) == []
        parked = tasks.create_task(subscription.next(5))
        await asyncio.sleep(0.05)
        await scene.publisher.to(ann, "3", "4")
        assert texts_of(await parked) == ["3", "4"]
        assert texts_of(await pod.poll(ann, wait=0)) == ["1", "2", "3", "4"]


async def test_an_acknowledgement_goes_with_the_next_poll(database: Database) -> None:
    """One that was never given is ignored."""
    async with memory_scene(database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        await scene.publisher.to(ann, "1", "2", "3")
        subscription = Subscription(pod.poll_router, (S, ann), None)
        first = await subscription.next(0)
        subscription.acknowledge("of nobody")
        subscription.acknowledge(first.received[1].token)
        assert subscription.has_unread
        await subscription.next(0)
        assert texts_of(await pod.poll(ann, wait=0)) == ["3"]
        subscription.acknowledge(first.received[2].token)
        assert not subscription.has_unread


async def test_a_new_holder_gives_again_and_the_stream_does_not(database: Database) -> None:
    """Repeats are recognised by their token, those that were acknowledged on the way too."""
    async with memory_scene(database) as scene, scene.pod() as staying:
        ann = await scene.seat("ann")
        await scene.publisher.to(ann, *[str(n) for n in range(30)])
        async with scene.pod() as holder:
            await holder.poll(ann, wait=0)
            subscription = Subscription(staying.poll_router, (S, ann), None)
            given = await subscription.next(0)
            subscription.acknowledge(given.received[9].token)
        await scene.publisher.to(ann, "30", "31")
        assert texts_of(await subscription.next(2)) == ["30", "31"]
        assert texts_of(await staying.poll(ann, wait=0)) == [str(n) for n in range(10, 32)]


async def test_it_is_full_at_the_bound(database: Database) -> None:
    """Not one more is asked for; an acknowledgement makes room."""
    async with memory_scene(database) as scene, scene.pod() as pod, asyncio.TaskGroup() as tasks:
        ann = await scene.seat("ann")
        await scene.publisher.to(ann, *[str(n) for n in range(UNACKNOWLEDGED + 50)])
        subscription = Subscription(pod.poll_router, (S, ann), None)
        given: list[Publication] = []
        while not subscription.is_full:
            given += (await subscription.next(0)).received
        assert len(given) == UNACKNOWLEDGED
        assert not await subscription.acknowledged(0.05)
        waiting = tasks.create_task(subscription.acknowledged(5))
        await asyncio.sleep(0)
        subscription.acknowledge(given[99].token)
        assert await waiting
        assert not subscription.is_full
        assert len((await subscription.next(0)).received) == 50


async def test_what_is_never_acknowledged_grows_old(database: Database) -> None:
    """The oldest counts, and an acknowledgement of all makes it young again."""
    async with memory_scene(database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        subscription = Subscription(pod.poll_router, (S, ann), None)
        assert not subscription.is_unread(0)
        await scene.publisher.to(ann, "1")
        first = await subscription.next(1)
        await asyncio.sleep(0.2)
        assert subscription.is_unread(0.15)
        assert not subscription.is_unread(5)
        subscription.acknowledge(first.received[0].token)
        assert not subscription.is_unread(0)


async def test_a_stream_is_as_old_as_its_opening(database: Database) -> None:
    """Going on, it does not replace a poll that came after it was opened."""
    async with memory_scene(database) as scene, scene.pod() as pod, asyncio.TaskGroup() as tasks:
        ann = await scene.seat("ann")
        stream = Subscription(pod.poll_router, (S, ann), None)
        await stream.next(0)
        await asyncio.sleep(0.05)
        newer = tasks.create_task(pod.poll(ann))
        await asyncio.sleep(0.05)
        assert await outcome(stream.next(0)) == "poll-replaced"
        await scene.publisher.to(ann, "1")
        assert texts_of(await newer) == ["1"]


async def test_a_holder_that_knows_no_streams_ends_it(database: Database) -> None:
    """One of the version before gives the same again and again: opened again, the stream acknowledges."""
    async with memory_scene(database) as scene, scene.pod(replace(FAST, away=60)) as pod:
        ann = await scene.seat("ann")
        await scene.publisher.to(ann, "1")
        subscription = Subscription(pod.poll_router, (S, ann), None)
        poll = pod.poll_router.poll
        pod.poll_router.poll = lambda asked: poll(replace(asked, after=None))  # type: ignore[method-assign]
        assert texts_of(await subscription.next(0)) == ["1"]
        with pytest.raises(Refusal, match="unavailable"):
            await subscription.next(0)


async def test_what_a_client_once_was_given_is_little(database: Database) -> None:
    """As many as a holder may give again, and of each no more than tells it from the others."""
    async with memory_scene(database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        subscription = Subscription(pod.poll_router, (S, ann), None)
        for start in range(0, 1200, 100):
            await scene.publisher.to(ann, *[str(n) for n in range(start, start + 100)])
            batch = await subscription.next(5)
            assert len(batch.received) == 100
            subscription.acknowledge(batch.ack or "")
        assert len(subscription._given) == REMEMBERED == PREFETCH
        assert {len(token) for token in subscription._given} == {16}
        assert not subscription.has_unread
