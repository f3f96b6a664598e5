"""Commands of sessions that have no queue of their own (design 3.6)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import pytest

from callplane.bus.memory import MemoryBus
from callplane.bus.names import shard_of
from callplane.bus.ports import Bus, Delivery
from callplane.contracts.errors import Elsewhere, Trouble
from callplane.contracts.ids import SessionId
from testkit.inprocess.bus import FAST, Corner, MemoryCorner, RabbitCorner, ScriptedHandler, command, session
from testkit.servers.machine_time import standstills

pytestmark = pytest.mark.parametrize("corner", ["memory-sharded", "rabbitmq-sharded"], indirect=True)


@asynccontextmanager
async def of_the_other_setting(corner: Corner) -> AsyncIterator[Bus]:
    """A bus on the same broker whose listeners declare no shards."""
    if isinstance(corner, MemoryCorner):
        yield MemoryBus(corner.broker, FAST)
    else:
        assert isinstance(corner, RabbitCorner)
        async with RabbitCorner(corner.url).bus() as bus:
            yield bus


def neighbours() -> tuple[SessionId, SessionId]:
    """Two sessions that share a shard."""
    one = session()
    return one, next(other for n in count() if shard_of(other := SessionId(f"{one}-{n}")) == shard_of(one))


async def test_a_wrapper_does_the_commands_of_a_shard_one_after_the_other_in_order(corner: Corner) -> None:
    """As those of a queue of a session's own; sessions of other shards do not wait for it."""
    running: list[str] = []
    together: list[str] = []

    async def watch(delivery: Delivery) -> None:
        shard = shard_of(delivery.envelope.session_id)
        if shard in running:
            together.append(shard)
        running.append(shard)
        await asyncio.sleep(0.01)
        running.remove(shard)

    told, (one, two) = ScriptedHandler(act=watch), neighbours()
    sent = [command(where) for where in (one, two, one, one, two) * 4]
    async with corner.bus() as bus, bus.listener(told.work()), bus.sender() as sender:
        for each in sent:
            await sender.post(each)
        assert all(await asyncio.gather(*(sender.send(command(session()), wait=10) for _ in range(20))))
        await told.until(40)
    assert together == []
    ours = {each.id for each in sent}
    assert [id_ for id_ in told.commands if id_ in ours] == [each.id for each in sent]
    assert all(delivery.shared for delivery in told.deliveries)


async def test_what_this_wrapper_cannot_do_is_done_at_once_by_those_who_reach_its_media_server(corner: Corner) -> None:
    """Uncounted; in trouble there it is tried again by whoever has it then, as from its own shard."""
    here = ScriptedHandler("here", outcomes=[Elsewhere("kms.a:8888") for _ in range(9)])
    there = ScriptedHandler("there", outcomes=[Trouble("once")])
    async with (
        corner.bus() as one,
        corner.bus() as two,
        one.listener(here.work()) as cut_off,
        one.sender() as sender,
    ):
        await cut_off.reach("kms.a:8888")
        await cut_off.unreach("kms.a:8888")
        async with two.listener(there.work()) as listener:
            await listener.reach("kms.a:8888")
            replies = [await sender.send(command(session()), wait=10) for _ in range(4)]
    assert {reply.result["wrapper"] for reply in replies if reply and reply.result} == {"there"}
    assert [attempt for attempt in here.attempts if attempt > 2] == []
    assert sorted(there.attempts) == [1, 1, 1, 1, 2]
    assert all(delivery.shared for delivery in there.deliveries)


@pytest.mark.parametrize("queue", ["is not there", "is not consumed"])
async def test_what_nobody_takes_comes_back_to_its_shard(corner: Corner, queue: str) -> None:
    """The media server may be reached by then, or the session be elsewhere."""
    told = ScriptedHandler(outcomes=[Elsewhere("kms")])
    async with corner.bus() as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        if queue == "is not consumed":
            await listener.reach("kms")
            await listener.unreach("kms")
        async with standstills() as stood_still:
            reply = await sender.send(command(session()), wait=10)
            late = stood_still()
    assert reply is not None
    assert reply.result == {"wrapper": "one", "attempt": 1}
    assert 0.9 < told.times[1] - told.times[0] < 4 + late


async def test_who_publishes_before_there_are_shards_finds_the_queue_of_the_session(corner: Corner) -> None:
    """An api of the new setting before any wrapper of it."""
    told, where = ScriptedHandler(), session()
    async with of_the_other_setting(corner) as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        await listener.listen_shared()
        await listener.listen(where)
        assert await sender.send(command(where), wait=20) is not None
        assert not told.deliveries[0].shared


async def test_shards_that_others_have_declared_are_consumed_too(corner: Corner) -> None:
    """A wrapper of the old setting beside those of the new one, and after them."""
    told = ScriptedHandler()
    async with corner.bus() as bus, bus.listener(ScriptedHandler().work()):
        pass
    async with of_the_other_setting(corner) as bus, bus.listener(told.work()) as listener, bus.sender() as sender:
        await listener.listen_shared()
        assert await sender.send(command(session()), wait=20) is not None
        assert await sender.send(command(session()), wait=20) is not None
        assert listener.listening() == frozenset()
