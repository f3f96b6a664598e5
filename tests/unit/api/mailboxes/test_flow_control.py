"""What a mailbox may hold of a pod, and that a client that falls behind misses nothing without being told."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from api.mailboxes.subscription import UNACKNOWLEDGED_BYTES, Subscription
from api.mailboxes.unacked import WINDOW, WINDOW_BYTES, Batch
from callplane.contracts.ids import ParticipantId
from testkit.inprocess import mailboxes
from testkit.inprocess.mailboxes import S, Scene, TestPod, memory_scene, outcome, rabbit_scene, texts_of, types_of
from testkit.servers.servers import Servers
from testkit.servers.until import until

LENGTH = 1500
RESYNC = "resync-required"
Open = Callable[[Servers], AbstractAsyncContextManager[Scene]]

BUSES = pytest.mark.parametrize(
    "opened", [lambda servers: memory_scene(servers.database), rabbit_scene], ids=["memory", "rabbitmq"]
)


def long(count: int) -> list[str]:
    """Messages of some 8 kB, which are known by their number."""
    return [f"{n}:" + "x" * 8000 for n in range(count)]


async def at_rest(pod: TestPod, participant: ParticipantId) -> None:
    """Wait until the mailbox is neither being stopped nor let go on, and has what it may have."""

    async def rests() -> bool:
        flow = pod.mailbox(participant).flow
        return not flow._turning and not flow._flows and not flow._surplus

    await until(rests)


@BUSES
async def test_a_mailbox_holds_so_many_bytes_and_the_broker_has_the_rest(servers: Servers, opened: Open) -> None:
    """Given back in its place: everything is read once, in order."""
    async with opened(servers) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        await scene.publisher.to(ann, *long(200))
        batch = await pod.poll(ann)
        await at_rest(pod, ann)
        window = pod.mailbox(ann).unacked
        assert WINDOW_BYTES <= window.size < WINDOW_BYTES + 10_000

        async def given_back() -> bool:
            return await scene.publisher.waiting(ann) == 200 - len(window)

        await until(given_back)
        assert sum(len(one.body) for one in window.all()) == window.size
        read: list[str] = []
        while len(read) < 200:
            read += texts_of(batch)
            batch = await pod.poll(ann, ack=batch.ack, wait=5 if len(read) < 200 else 0)
            assert window.size < WINDOW_BYTES + 10_000
            if not batch.received:
                break
        assert [text.split(":")[0] for text in read] == [str(n) for n in range(200)]


@BUSES
async def test_who_falls_behind_gets_each_message_or_hears_of_a_gap(
    servers: Servers, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its place, while it is attached all the time; of accepted messages some went where there was no room."""
    monkeypatch.setattr("callplane.bus.memory.mailboxes.MAILBOX_LENGTH", LENGTH)
    monkeypatch.setattr(mailboxes, "MAILBOX_ARGUMENTS", {**mailboxes.MAILBOX_ARGUMENTS, "x-max-length": LENGTH})
    monkeypatch.setattr("api.mailboxes.holder.NEARLY_FULL", LENGTH - 1000)
    async with opened(servers) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        await pod.poll(ann, wait=0)
        sent, said, ack = 0, [], None
        for flood in (400, 2000, 700, 0, 300, 900, 2100):
            await scene.publisher.to(ann, *[str(n) for n in range(sent, sent + flood)])
            sent += flood
            for _ in range(3):
                batch = await pod.poll(ann, ack=ack, wait=0.2)
                ack = batch.ack or ack
                said += told(batch)
        while (batch := await pod.poll(ann, ack=ack, wait=1)).received:
            ack = batch.ack
            said += told(batch)
    assert unexplained(said, sent) == []
    assert said.count(RESYNC) >= 2
    assert len(said) < sent


def told(batch: Batch) -> list[str]:
    """The messages, of which some are what the test sent."""
    return [RESYNC if kind == RESYNC else text for kind, text in zip(types_of(batch), texts_of(batch), strict=True)]


def unexplained(said: list[str], sent: int) -> list[str]:
    """Where the numbers jump without a word."""
    wrong, expected, warned = [], 0, False
    for one in [*said, str(sent)]:
        if one == RESYNC:
            warned = True
            continue
        if int(one) != expected and not (warned and int(one) > expected):
            wrong.append(f"{one} where {expected} was due")
        expected, warned = int(one) + 1, False
    return wrong


async def test_a_stream_of_long_messages_is_full_before_they_stop_coming(servers: Servers) -> None:
    """Else a client that acknowledges by opening the next one would wait for ever."""
    async with memory_scene(servers.database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        await scene.publisher.to(ann, *long(120))
        read, ack = 0, None
        while read < 120:
            subscription = Subscription(pod.poll_router, (S, ann), ack)
            given = 0
            while not subscription.is_full and read < 120:
                batch = await subscription.next(3)
                assert batch.received, "it starves"
                given += sum(len(one.body) for one in batch.received)
                read += len(batch.received)
                ack = batch.ack
            assert given >= UNACKNOWLEDGED_BYTES or read == 120
            assert given <= WINDOW_BYTES + 10_000


async def test_so_many_short_ones_are_here_at_a_time(servers: Servers) -> None:
    async with memory_scene(servers.database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        await scene.publisher.to(ann, *[str(n) for n in range(3 * WINDOW)])
        batch = await pod.poll(ann)
        await at_rest(pod, ann)
        assert len(pod.mailbox(ann).unacked) == WINDOW
        read = texts_of(batch)
        while len(read) < 3 * WINDOW:
            batch = await pod.poll(ann, ack=batch.ack)
            assert batch.received
            read += texts_of(batch)
        assert read == [str(n) for n in range(3 * WINDOW)]


async def test_one_that_is_stopped_and_deleted_is_let_go(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker tells nobody who does not read."""
    monkeypatch.setattr("api.mailboxes.holder.STOPPED_CHECKED_EVERY", 0)
    async with memory_scene(servers.database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        await scene.publisher.to(ann, *long(100))
        await pod.poll(ann)
        await at_rest(pod, ann)
        await scene.attachments.end(ann, "kicked")
        await scene.publisher.delete(ann)

        async def forgotten() -> bool:
            return pod.link_session.holder.find(ann) is None

        await until(forgotten)
        assert await outcome(pod.poll(ann)) == "join-again kicked"


async def test_one_that_is_stopped_and_lost_is_made_again(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says that messages are missing, behind those that had come."""
    monkeypatch.setattr("api.mailboxes.holder.STOPPED_CHECKED_EVERY", 0)
    async with memory_scene(servers.database) as scene, scene.pod() as pod:
        ann = await scene.seat("ann")
        await scene.publisher.to(ann, *long(100))
        batch = await pod.poll(ann)
        await at_rest(pod, ann)
        await scene.publisher.delete(ann)

        async def restored() -> bool:
            return pod.mailbox(ann).unacked.ends_with_gap

        await until(restored)
        await scene.publisher.to(ann, "new")
        said = told(batch)
        while said[-1] != "new":
            batch = await pod.poll(ann, ack=batch.ack)
            said += told(batch)
        assert said[-2:] == [RESYNC, "new"]
