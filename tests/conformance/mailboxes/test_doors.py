"""What every door of a seat's messages promises, one suite for all of them and both engines: two pods, over HTTP."""

import asyncio

import pytest

from callplane.contracts.engines import Engine
from testkit.clients.transports import DOORS, Reader, Refused, until_parked
from testkit.inprocess.served_pods import served
from testkit.servers.machine_time import within
from testkit.servers.servers import Servers

CLOCKS_APART = 0.3
"""Seconds by which two pods may see the database's time apart, where the round trips by which they know it were slow:
of two that ask within less, neither pod can say which is the newer.
"""


@pytest.fixture(params=list(DOORS))
def door(request: pytest.FixtureRequest) -> type[Reader]:
    """Long poll, server-sent events, WebSocket."""
    return DOORS[request.param]


@pytest.fixture(params=["queues", "log"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """By which the session's messages go."""
    return request.param


async def test_the_law_of_delivery(servers: Servers, door: type[Reader], engine: Engine) -> None:
    """One to all, two to the first, three to the second: each reads its own once, on whichever pods (design 8.6)."""
    async with served(servers, door, engine=engine) as pods:
        one, two = await pods.scene.seat("one"), await pods.scene.seat("two")
        await pods.scene.publisher.to_all("1")
        await pods.scene.publisher.to(one, "2")
        await pods.scene.publisher.to(two, "3")
        readers = [pods.reader(one, seed=1), pods.reader(two, seed=2)]
        assert [await reader.read_until(2) for reader in readers] == [["1", "2"], ["1", "3"]]
        assert [reader.repeats for reader in readers] == [0, 0]
        assert await pods.scene.publisher.waiting(one) == await pods.scene.publisher.waiting(two) == 0


async def test_what_comes_is_given_as_it_comes(
    servers: Servers, door: type[Reader], engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    """In order, long after the door was opened, and at a pod that does not hold the mailbox.

    By one stream, unless the machine stood still for longer than a lease: then every stream ends, and is opened again.
    """
    async with served(servers, door, engine=engine) as pods, asyncio.TaskGroup() as tasks:
        ann, bob = await pods.scene.seat("ann"), await pods.scene.seat("bob")
        here, there = pods.reader(ann, pods.urls[0]), pods.reader(bob, pods.urls[1])
        await pods.reader(bob, pods.urls[0]).settle()
        held = await pods.scene.attachment(bob)
        reading = [tasks.create_task(reader.read_until(60)) for reader in (here, there)]
        for n in range(60):
            await pods.scene.publisher.to_all(str(n))
            await asyncio.sleep(0.01)
        for task in reading:
            assert await task == [str(n) for n in range(60)]
        assert [reader.repeats for reader in (here, there)] == [0, 0]
        if "has lapsed" not in capsys.readouterr().out:
            assert door is DOORS["poll"] or (here.opened, there.opened) == (1, 1)
            assert (await pods.scene.attachment(bob)).holder == held.holder


async def test_what_was_not_acknowledged_is_given_again(servers: Servers, door: type[Reader], engine: Engine) -> None:
    """To whoever opens a door of that mailbox next, and before anything that is newer."""
    async with served(servers, door, engine=engine) as pods:
        ann = await pods.scene.seat("ann")
        await pods.scene.publisher.to(ann, "1", "2", "3")
        first = pods.reader(ann, pods.urls[0])
        first.settle = _nothing  # type: ignore[method-assign]
        first.acknowledges = False
        await first.read_until(2)
        await pods.scene.publisher.to(ann, "4")
        assert await pods.reader(ann, pods.urls[1]).read_until(4) == ["1", "2", "3", "4"]


async def _nothing() -> None:
    """Acknowledge nothing."""


async def test_more_than_may_be_unacknowledged_comes_all_the_same(
    servers: Servers, door: type[Reader], engine: Engine
) -> None:
    """Nobody is given more than the bound at once, and everybody gets everything."""
    async with served(servers, door, engine=engine) as pods:
        ann = await pods.scene.seat("ann")
        await pods.scene.publisher.to(ann, *[str(n) for n in range(700)])
        reader = pods.reader(ann)
        assert await reader.read_until(700) == [str(n) for n in range(700)]
        assert reader.opened >= (3 if door is DOORS["sse"] and engine == "queues" else 1)
        assert await pods.scene.publisher.waiting(ann) == 0


async def test_an_open_door_keeps_the_seat_and_a_closed_one_lets_it_go(
    servers: Servers, door: type[Reader], engine: Engine
) -> None:
    """Presence is the same by every door: attached while it is open, detached at once when its client leaves."""
    async with served(servers, door, engine=engine) as pods, asyncio.TaskGroup() as tasks:
        ann = await pods.scene.seat("ann")
        reading = tasks.create_task(pods.reader(ann, pods.urls[0]).read_until(1))
        await pods.scene.until_state(ann, "attached")
        await asyncio.sleep(0.5)
        reading.cancel()
        async with within(2.5):
            await pods.scene.until_state(ann, "detached")


async def test_the_newer_door_takes_the_place_of_the_older(servers: Servers, door: type[Reader]) -> None:
    """Also of one of another kind, and on another pod; the older is told, and the newer goes on. Of queues alone."""
    async with served(servers, door) as pods, asyncio.TaskGroup() as tasks:
        ann = await pods.scene.seat("ann")
        for n, other in enumerate(DOORS.values()):
            pods.door = door
            first = pods.reader(ann, pods.urls[0])
            older = tasks.create_task(_refused(first))
            await first.inside.wait()
            await until_parked(pods.http, pods.urls[0])  # which holds the mailbox
            await asyncio.sleep(CLOCKS_APART)
            pods.door = other
            newer = tasks.create_task(pods.reader(ann, pods.urls[1]).read_until(1))
            assert await older == "poll-replaced"
            await pods.scene.publisher.to(ann, str(n))
            assert await newer == [str(n)]


async def test_an_ended_seat_is_told_why(servers: Servers, door: type[Reader], engine: Engine) -> None:
    """While the door is open, and when it is opened after that."""
    async with served(servers, door, engine=engine) as pods, asyncio.TaskGroup() as tasks:
        ann = await pods.scene.seat("ann")
        reader = pods.reader(ann, pods.urls[1])
        parked = tasks.create_task(_refused(reader))
        await reader.inside.wait()
        await asyncio.sleep(0.5)
        await pods.scene.attachments.end(ann, "kicked")
        await pods.scene.publisher.delete(ann)
        assert (await parked).startswith("join-again")
        assert (await _refused(pods.reader(ann))).startswith("join-again")


async def _refused(reader: Reader) -> str:
    """The code that reading ends with."""
    with pytest.raises(Refused) as refused:
        await reader.read_until(1)
    return str(refused.value)
