"""Streams of seats whose messages are in logs: what is pushed to those at the head, and who reads pages instead."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing

import pytest

from api.readers import log_session
from api.readers.log_readers import LogReaders
from callplane.contracts.errors import Refusal
from callplane.contracts.ids import ParticipantId
from testkit.fakes.feeds import entry
from testkit.inprocess.log_readers import Sink, log_scene, question
from testkit.inprocess.mailboxes import S, texts_of
from testkit.servers.servers import Database


@asynccontextmanager
async def pushed_to(pod: LogReaders, *places: tuple[ParticipantId, str | None]) -> AsyncIterator[list[Sink]]:
    """Sinks of these seats, from these places on, for the block."""
    sinks = [Sink() for _ in places]
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        subscriptions = [stack.enter_context(closing(await pod.subscribe((S, seat), ack))) for seat, ack in places]
        pushing = [
            tasks.create_task(subscription.push(sink, 60))
            for subscription, sink in zip(subscriptions, sinks, strict=True)
        ]
        await asyncio.sleep(0.01)
        yield sinks
        for task in pushing:
            task.cancel()


async def test_what_comes_in_one_turn_is_one_push_and_one_object_for_all(database: Database) -> None:
    """So that a door encodes it once; tokens differ by the places in the seats' own logs alone."""
    async with log_scene(database) as scene, scene.pod() as pod:
        seats = [(await scene.seat(f"p{n}"), f"0.{n}") for n in range(3)]
        async with pushed_to(pod, *seats) as sinks:
            scene.log().put(entry("1"))
            scene.log().put(entry("2"), entry("3"))
            await asyncio.sleep(0.05)
        assert [sink.texts for sink in sinks] == [["1", "2", "3"]] * 3
        assert [sink.tokens for sink in sinks] == [["1.0", "2.0", "3.0"], ["1.1", "2.1", "3.1"], ["1.2", "2.2", "3.2"]]
        assert {len(sink.pushes) for sink in sinks} == {1}
        assert len({id(sink.pushes[0].shared) for sink in sinks}) == 1


async def test_one_to_whom_something_else_comes_has_a_push_of_its_own(database: Database) -> None:
    async with log_scene(database) as scene, scene.pod() as pod:
        seats = [(await scene.seat(name), None) for name in ("ann", "bob", "col")]
        async with pushed_to(pod, *seats) as (ann, bob, col):
            scene.log().put(entry("1"), entry("to ann", to="ann"))
            await asyncio.sleep(0.02)
            scene.log("bob").put(entry("bob's own"))
            scene.log().put(entry("for ann alone", to="ann"))
            await asyncio.sleep(0.02)
        assert ann.texts == ["1", "to ann", "for ann alone"]
        assert (bob.texts, bob.tokens) == (["1", "bob's own"], ["2.0", "2.1"])
        assert (col.texts, len(col.pushes)) == (["1"], 1)
        assert col.pushes[0].shared is bob.pushes[0].shared


async def test_who_takes_no_more_reads_on_from_where_it_is(database: Database) -> None:
    """Nothing is lost or given twice by it, and nobody else is held up (L11)."""
    async with log_scene(database) as scene, scene.pod() as pod, asyncio.TaskGroup() as tasks:
        slow, fast = Sink(), Sink()
        with (
            closing(await pod.subscribe((S, await scene.seat("ann")), None)) as behind,
            closing(await pod.subscribe((S, await scene.seat("bob")), None)) as ahead,
        ):
            pushing, other = tasks.create_task(behind.push(slow, 60)), tasks.create_task(ahead.push(fast, 1.0))
            await asyncio.sleep(0.05)
            scene.log().put(entry("1"))
            await asyncio.sleep(0.02)
            slow.open = False
            scene.log().put(entry("2"))
            assert await pushing is False
            assert slow.texts == ["1"]
            scene.log().put(entry("3"))
            scene.log().oldest = 3  # what it was not given is not in memory any more
            assert texts_of(await behind.next(0)) == ["2", "3"]
            assert texts_of(await behind.next(0)) == []
            assert await other is True
            assert fast.texts == ["1", "2", "3"]


async def test_a_push_does_not_begin_where_something_waits(database: Database) -> None:
    async with log_scene(database) as scene, scene.pod() as pod:
        with closing(await pod.subscribe((S, await scene.seat("ann")), None)) as subscription:
            scene.log().put(entry("1"))
            assert await subscription.push(Sink(), 5) is False
            assert texts_of(await subscription.next(5)) == ["1"]
            assert await subscription.push(Sink(), 0.05) is True


async def test_the_end_comes_behind_what_was_before_it(database: Database) -> None:
    """By an entry, or because the seat is found to have ended."""
    async with log_scene(database) as scene, scene.pod() as pod, asyncio.TaskGroup() as tasks:
        ann, bob = await scene.seat("ann"), await scene.seat("bob")
        sinks = Sink(), Sink()
        with closing(await pod.subscribe((S, ann), None)) as one, closing(await pod.subscribe((S, bob), None)) as two:
            leaving, staying = (
                tasks.create_task(_ended(subscription.push(sink, 5)))
                for subscription, sink in zip((one, two), sinks, strict=True)
            )
            await asyncio.sleep(0.05)
            scene.log().put(
                entry("1"), entry("gone", type_="participant-left", participant_id=ann, reason="left"), entry("2")
            )
            assert await leaving == ("join-again", "left")
            assert sinks[0].texts == ["1", "gone"]
            await scene.seats.end(bob, "kicked")
            assert await staying == ("join-again", "kicked")
            assert sinks[1].texts == ["1", "gone", "2"]


async def _ended(pushing) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as refused:
        await pushing
    return refused.value.problem.code, refused.value.problem.reason


async def test_a_fifth_reader_ends_the_oldest(database: Database) -> None:
    """Of the same seat on the same pod; on another there may be as many again (log 5)."""
    async with log_scene(database) as scene, scene.pod() as one, scene.pod() as two, asyncio.TaskGroup() as tasks:
        ann = await scene.seat("ann")
        polls = [tasks.create_task(_outcome(pod.poll(question(ann, wait=60)))) for pod in (one, one, one, one, two)]
        async with asyncio.timeout(10):
            while ann not in one.seats or len(one.seats[ann].readers) < 4:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        polls.append(tasks.create_task(_outcome(one.poll(question(ann, wait=60)))))
        await asyncio.wait(polls, return_when=asyncio.FIRST_COMPLETED)
        scene.log().put(entry("1"))
        outcomes = [await poll for poll in polls]
        assert sorted(outcomes) == ["", "", "", "", "", "poll-replaced"]
        assert "poll-replaced" in outcomes[:4]


async def _outcome(polling) -> str:
    try:
        await polling
    except Refusal as refusal:
        return refusal.problem.code
    return ""


async def test_more_readers_than_fit_one_turn_are_all_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of what comes while others have yet to be told, each of everything once and in order."""
    monkeypatch.setattr(log_session, "READERS_A_TURN", 2)
    async with log_scene(database) as scene, scene.pod() as pod:
        seats = [(await scene.seat(f"p{n}"), None) for n in range(7)]
        async with pushed_to(pod, *seats) as sinks:
            for n in range(9):
                scene.log().put(entry(str(n)))
                await asyncio.sleep(0)
            await asyncio.sleep(0.05)
        assert [sink.texts for sink in sinks] == [[str(n) for n in range(9)]] * 7
        assert len(sinks[-1].pushes) < 9


async def test_a_sink_that_fails_keeps_nobody_else_from_being_told(database: Database) -> None:
    async with log_scene(database) as scene, scene.pod() as pod, asyncio.TaskGroup() as tasks:
        sink = Sink()
        with (
            closing(await pod.subscribe((S, await scene.seat("ann")), None)) as broken,
            closing(await pod.subscribe((S, await scene.seat("bob")), None)) as sound,
        ):
            failing = tasks.create_task(broken.push(lambda _: 1 / 0 > 0, 60))
            pushing = tasks.create_task(sound.push(sink, 1.0))
            await asyncio.sleep(0.05)
            scene.log().put(entry("1"))
            assert await failing is False
            assert texts_of(await broken.next(0)) == ["1"]
            await pushing
            assert sink.texts == ["1"]


async def test_how_far_the_slowest_reader_is_behind_is_known(database: Database) -> None:
    async with log_scene(database) as scene, scene.pod() as pod:
        assert pod.lag() == 0
        with (
            closing(await pod.subscribe((S, await scene.seat("ann")), None)) as slow,
            closing(await pod.subscribe((S, await scene.seat("bob")), None)) as fast,
        ):
            scene.log().put(entry("1"), entry("2"), entry("to bob", to="bob"))
            scene.log("ann").put(entry("ann's own"))
            await fast.next(0)
            assert pod.lag() == 4
            while (await slow.next(0)).received:
                pass
            assert pod.lag() == 0
        assert pod.lag() == 0
