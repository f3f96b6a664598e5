"""Which queues a wrapper consumes, how it notices that one is gone, and how it stops (design 3 and 7)."""

import asyncio

import pytest

from callplane.bus.consuming.worker_pool import ConsumerLimits
from callplane.bus.ports import Delivery, Unroutable
from testkit.inprocess.bus import FAST, Corner, ScriptedHandler, command, creation, session
from testkit.servers.machine_time import within
from testkit.servers.until import until


async def test_listening_says_what_is_consumed(corner: Corner) -> None:
    """Listening and unlistening may be repeated."""
    told, one, two = ScriptedHandler(), session(), session()
    async with corner.bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        for where in (one, two, one):
            await listener.listen(where)
        assert listener.listening() == {one, two}
        await sender.send(command(one), wait=20)
        assert told.attempts == [1]
        await listener.unlisten(one)
        await listener.unlisten(one)
        assert listener.listening() == listener.wanted() == {two}
        assert await sender.send(command(one), wait=0.3) is None
        assert len(told.deliveries) == 1
        await listener.listen(one)
        await told.until(2)
        assert told.attempts == [1, 1]


async def test_many_are_listened_to_at_once_and_those_without_a_queue_are_not(corner: Corner) -> None:
    """What is missing stalls nothing, is not declared by that, and can be listened to afterwards."""
    told, there, missing = ScriptedHandler(), [session() for _ in range(240)], {session() for _ in range(4)}
    async with corner.bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        for where in there:
            await bus.topology.open_session(where)
        await listener.listen_all([*there[:120], *missing, *there[120:]])
        await listener.listen_all(there)
        assert listener.listening() == listener.wanted() == set(there)
        for where in (there[0], there[-1]):
            assert await sender.send(command(where), wait=20) is not None
        with pytest.raises(Unroutable):
            await sender.send(command(min(missing)), wait=20)
        await listener.listen(min(missing))
        assert await sender.send(command(min(missing)), wait=20) is not None


async def test_what_runs_when_unlistening_is_still_answered(corner: Corner) -> None:
    """Only nothing new is taken."""
    may_end = asyncio.Event()

    async def slowly(_: Delivery) -> None:
        await may_end.wait()

    told, where = ScriptedHandler(act=slowly), session()
    async with corner.bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        await listener.listen(where)
        sending = asyncio.ensure_future(sender.send(command(where), wait=20))
        await told.until(1)
        await listener.unlisten(where)
        may_end.set()
        reply = await sending
    assert reply is not None
    assert reply.result == {"wrapper": "one", "attempt": 1}


async def test_a_queue_that_is_deleted_is_noticed(corner: Corner) -> None:
    """Every listener is told; the other sessions go on."""
    one, two, gone, stays = ScriptedHandler("one"), ScriptedHandler("two"), session(), session()
    async with (
        corner.bus() as first,
        corner.bus() as second,
        first.listener(one.work()) as first_listener,
        second.listener(two.work()) as second_listener,
        first.sender() as sender,
    ):
        for listener in (first_listener, second_listener):
            await listener.listen(gone)
            await listener.listen(stays)
        await first.topology.delete_session(gone)
        async with asyncio.timeout(5):
            assert await one.cancelled.get() == gone
            assert await two.cancelled.get() == gone
        assert first_listener.listening() == second_listener.listening() == {stays}
        assert await sender.send(command(stays), wait=20) is not None


async def test_a_deletion_that_is_expected_is_told_to_nobody(corner: Corner) -> None:
    """Its commands are taken until then; of one that was not expected it is told, and of one listened to again."""
    told, expected, other = ScriptedHandler(), session(), session()
    async with corner.bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:

        async def gone() -> bool:
            return listener.wanted() == listener.listening() == {other}

        listener.expect_deletion(other)
        for where in (expected, other):
            await listener.listen(where)
        listener.expect_deletion(expected)
        assert await sender.send(command(expected), wait=20) is not None
        await bus.topology.delete_session(expected)
        await until(gone)
        await listener.listen(expected)
        for where in (other, expected):
            await bus.topology.delete_session(where)
            async with asyncio.timeout(5):
                assert await told.cancelled.get() == where
        assert told.cancelled.empty()


async def test_drain_gives_back_what_was_not_begun(corner: Corner) -> None:
    """What runs is finished and answered; what waits is another wrapper's at once, as the same attempt."""
    may_end = asyncio.Event()

    async def slowly(_: Delivery) -> None:
        await may_end.wait()

    old, new = ScriptedHandler("old", act=slowly), ScriptedHandler("new")
    runs, waits = session(), session()
    async with (
        corner.bus(ConsumerLimits(at_once=1, health_interval=0.05)) as first,
        corner.bus() as second,
        first.listener(old.work()) as leaving,
        second.listener(new.work()) as staying,
        second.sender() as sender,
        asyncio.TaskGroup() as tasks,
    ):
        await leaving.listen(runs)
        await leaving.listen(waits)
        running = tasks.create_task(sender.send(command(runs), wait=20))
        await old.until(1)
        waiting = tasks.create_task(sender.send(command(waits), wait=20))
        await asyncio.sleep(0.1)
        await staying.listen(waits)
        draining = tasks.create_task(leaving.drain())
        await new.until(1)
        may_end.set()
        await draining
        assert (await running or waiting) is not None
        replies = [await running, await waiting]
    assert [reply.result for reply in replies if reply] == [
        {"wrapper": "old", "attempt": 1},
        {"wrapper": "new", "attempt": 1},
    ]
    assert old.attempts == [1]


async def test_drain_is_bounded_and_gives_back_what_takes_too_long(corner: Corner) -> None:
    """Under two seconds whatever runs; uncounted, for nothing failed."""

    async def hang(_: Delivery) -> None:
        await asyncio.Event().wait()

    old, new, where = ScriptedHandler("old", act=hang), ScriptedHandler("new"), session()
    async with corner.bus() as second, second.sender() as sender, asyncio.TaskGroup() as tasks:
        async with corner.bus(FAST) as first, first.listener(old.work()) as leaving:
            await leaving.listen(where)
            sending = tasks.create_task(sender.send(command(where), wait=8))
            await old.until(1)
            async with within(2):
                await leaving.drain()
                await leaving.drain()
            assert leaving.listening() == frozenset()
        async with second.listener(new.work()) as staying:
            await staying.listen(where)
            reply = await sending
    assert reply is not None
    assert reply.result == {"wrapper": "new", "attempt": 1}


async def test_closing_a_listener_drains_it(corner: Corner) -> None:
    """Nothing that waits for this wrapper is lost or counted."""
    old, new, where = ScriptedHandler("old"), ScriptedHandler("new"), session()
    async with corner.bus() as bus, bus.sender() as sender, asyncio.TaskGroup() as tasks:
        async with bus.listener(old.work()) as listener:
            await listener.listen(where)
        sendings = [tasks.create_task(sender.send(each, wait=8)) for each in (command(where), creation())]
        async with bus.listener(new.work()) as listener:
            await listener.listen(where)
            replies = [await sending for sending in sendings]
    assert [reply.result for reply in replies if reply] == [{"wrapper": "new", "attempt": 1}] * 2
    assert old.deliveries == []


async def test_many_sessions_are_drained_in_time(corner: Corner) -> None:
    """Cancelling thousands of consumers one call at a time would take too long."""
    told = ScriptedHandler()
    async with corner.bus() as bus, bus.listener(told.work()) as listener:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(300):
                tasks.create_task(listener.listen(session()))
        assert len(listener.listening()) == 300
        async with within(1):
            await listener.drain()
