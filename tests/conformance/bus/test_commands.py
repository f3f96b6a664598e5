"""Commands travel to one wrapper, and replies back (design 3)."""

import asyncio

import pytest

from callplane.bus.consuming.worker_pool import ConsumerLimits
from callplane.bus.names import shard_of
from callplane.bus.ports import Delivery, Unroutable
from callplane.contracts.errors import Refusal
from testkit.inprocess.bus import TRACE, Corner, ScriptedHandler, command, creation, session

EITHER_WAY = pytest.mark.parametrize(
    "corner", ["memory", "rabbitmq", "memory-sharded", "rabbitmq-sharded"], indirect=True
)


@EITHER_WAY
async def test_a_command_is_answered(corner: Corner) -> None:
    """The handler's result comes back under the command's id."""
    told, where = ScriptedHandler(), session()
    async with corner.bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        await listener.listen(where)
        sent = command(where)
        reply = await sender.send(sent, wait=20)
        assert reply is not None
        assert (reply.command_id, reply.result) == (sent.id, {"wrapper": "one", "attempt": 1})
        assert told.deliveries[0].envelope == sent
        assert told.deliveries[0].envelope.traceparent == TRACE
        assert not told.deliveries[0].last


@EITHER_WAY
async def test_a_creation_needs_no_session(corner: Corner) -> None:
    """It goes to any wrapper, which listens to nothing else."""
    told = ScriptedHandler()
    async with corner.bus() as api, corner.bus() as wrapper, wrapper.listener(told.work()), api.sender() as sender:
        assert await sender.send(creation(), wait=20) is not None


@EITHER_WAY
async def test_a_posted_command_is_done_and_not_answered(corner: Corner) -> None:
    """Whoever posts does not wait for the handler."""
    may_end = asyncio.Event()

    async def slowly(_: Delivery) -> None:
        await may_end.wait()

    told, where = ScriptedHandler(act=slowly), session()
    async with corner.bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        await listener.listen(where)
        sent = command(where)
        await sender.post(sent)
        await told.until(1)
        may_end.set()
        assert told.commands == [sent.id]


async def test_what_nobody_declared_is_unroutable(corner: Corner) -> None:
    """The caller looks in the store for the reason; the sender goes on working."""
    told, where = ScriptedHandler(), session()
    async with corner.bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        with pytest.raises(Unroutable):
            await sender.send(command(session()), wait=20)
        with pytest.raises(Unroutable):
            await sender.post(command(session()))
        await listener.listen(where)
        assert await sender.send(command(where), wait=20) is not None


async def test_no_answer_in_time_is_none_and_a_late_one_is_ignored(corner: Corner) -> None:
    """What comes after the caller has gone disturbs nobody."""
    may_end = asyncio.Event()

    async def slowly(_: Delivery) -> None:
        await may_end.wait()

    told, where = ScriptedHandler(act=slowly), session()
    async with corner.bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        await listener.listen(where)
        assert await sender.send(command(where), wait=0.1) is None
        may_end.set()
        assert await sender.send(command(where), wait=20) is not None


@EITHER_WAY
async def test_a_command_repeated_while_it_waits_is_answered_twice(corner: Corner) -> None:
    """A client that repeats its request on the same pod gets the reply, and so does its first request."""
    may_end = asyncio.Event()

    async def slowly(_: Delivery) -> None:
        await may_end.wait()

    told, where = ScriptedHandler(act=slowly), session()
    async with corner.bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        await listener.listen(where)
        sent = command(where)
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(sender.send(sent, wait=20))
            await told.until(1)
            second = tasks.create_task(sender.send(sent, wait=20))
            await asyncio.sleep(0)
            may_end.set()
        assert first.result() is not None
        assert second.result() is not None


@EITHER_WAY
async def test_a_refusal_is_a_reply(corner: Corner) -> None:
    """With its problem, at the first attempt, and nothing is buried."""
    told, where = ScriptedHandler(outcomes=[Refusal("session-full", "no seat", reason="because")]), session()
    async with corner.bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        await listener.listen(where)
        reply = await sender.send(command(where), wait=20)
        assert reply is not None
        assert reply.problem is not None
        assert (reply.problem.code, reply.problem.detail, reply.problem.reason) == (
            "session-full",
            "no seat",
            "because",
        )
        assert told.attempts == [1]


@EITHER_WAY
async def test_wrappers_share_the_work_and_do_each_command_once(corner: Corner) -> None:
    """Whichever is free takes the next; none is done twice, none is left."""

    async def a_while(_: Delivery) -> None:
        await asyncio.sleep(0.01)

    one, two = ScriptedHandler("one", act=a_while), ScriptedHandler("two", act=a_while)
    sessions = [session() for _ in range(4)]
    commands = [command(where) for where in sessions * 10]
    async with (
        corner.bus() as api,
        corner.bus() as first,
        corner.bus() as second,
        first.listener(one.work()) as first_listener,
        second.listener(two.work()) as second_listener,
        api.sender() as sender,
    ):
        for where in sessions:
            await first_listener.listen(where)
            await second_listener.listen(where)
        replies = await asyncio.gather(*(sender.send(each, wait=10) for each in commands))
    assert all(replies)
    assert sorted(one.commands + two.commands) == sorted(each.id for each in commands)
    assert min(len(one.commands), len(two.commands)) >= 8


async def test_one_at_a_time_in_a_session_and_many_sessions_at_once(corner: Corner) -> None:
    """A wrapper holds one command of a session; the sessions do not wait for each other, up to the bound."""
    running: dict[str, int] = {}
    most: list[int] = []

    async def watch(delivery: Delivery) -> None:
        where = delivery.envelope.session_id
        running[where] = running.get(where, 0) + 1
        assert running[where] == 1
        most.append(sum(running.values()))
        await asyncio.sleep(0.02)
        running[where] -= 1

    told, sessions = ScriptedHandler(act=watch), [session() for _ in range(8)]
    async with (
        corner.bus(ConsumerLimits(at_once=5)) as bus,
        bus.listener(told.work()) as listener,
        bus.sender() as sender,
    ):
        for where in sessions:
            await listener.listen(where)
        replies = await asyncio.gather(*(sender.send(command(where), wait=10) for where in sessions * 4))
    assert all(reply is not None and reply.problem is None for reply in replies)
    assert max(most) == 5


@EITHER_WAY
async def test_what_hangs_in_one_wrapper_leaves_all_else_to_the_others(corner: Corner) -> None:
    """What has waited for a slot of it is given back uncounted: a bound of a wrapper's own is its bulkhead."""
    may_end = asyncio.Event()

    async def hang(_: Delivery) -> None:
        await may_end.wait()

    full, free = ScriptedHandler("full", act=hang), ScriptedHandler("free")
    hanging, healthy = [session()], [session() for _ in range(6)]
    while len({shard_of(where) for where in hanging}) < 2:  # two of one shard would hang one after the other
        hanging = [session(), session()]
    limits = ConsumerLimits(at_once=2, wait_limit=0.05)
    async with (
        corner.bus(limits) as first,
        corner.bus() as second,
        first.listener(full.work()) as one,
        first.sender() as sender,
    ):
        for where in hanging + healthy:
            await one.listen(where)
        for where in hanging:
            await sender.post(command(where))
        await full.until(2)
        async with second.listener(free.work()) as two:
            for where in healthy:
                await two.listen(where)
            replies = await asyncio.gather(*(sender.send(command(where), wait=10) for where in healthy * 2))
        may_end.set()
    assert [reply and reply.result for reply in replies] == [{"wrapper": "free", "attempt": 1}] * 12
    assert len(full.deliveries) == 2
