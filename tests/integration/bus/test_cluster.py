"""One node of a RabbitMQ cluster goes: an outage of the queues that live on it, and of nothing else (design 10)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from callplane.bus.names import WRAPPER, session_name
from callplane.bus.ports import Sender, Unroutable
from callplane.bus.rabbitmq import RabbitBus
from callplane.contracts.errors import NodeDown, Trouble, Unavailable
from callplane.contracts.ids import ParticipantId, SessionId
from testkit.crashes.node_faults import FAULTS, Fault
from testkit.inprocess.bus import (
    RabbitCorner,
    ScriptedHandler,
    command,
    creation,
    is_listening_to,
    message,
    session,
    until,
)
from testkit.inprocess.bus_reading import reading
from testkit.servers.clusters import ClusterVhost

ANN, BOB = ParticipantId("ann"), ParticipantId("bob")


@dataclass
class Halves:
    """A session and a mailbox on each node; the three permanent queues are on the second, which goes."""

    vhost: ClusterVhost
    here: SessionId
    there: SessionId

    @property
    def corner(self) -> RabbitCorner:
        """The virtual host, by the node that stays."""
        return RabbitCorner(self.vhost.via(self.vhost.cluster.nodes[0]))


@asynccontextmanager
async def halves(vhost: ClusterVhost) -> AsyncIterator[Halves]:
    """Declared by way of the node where each is to live."""
    stays, goes = vhost.cluster.nodes
    made = Halves(vhost, session(), session())
    async with RabbitCorner(vhost.via(goes)).bus() as bus:
        await bus.topology.open_session(made.there)
        await bus.topology.open_mailbox(made.there, BOB)
    async with made.corner.bus() as bus:
        await bus.topology.open_session(made.here)
        await bus.topology.open_mailbox(made.there, ANN)
    homes = await vhost.homes()
    assert {homes[name] for name in (WRAPPER, "retry", "dead-letters", session_name(made.there))} == {goes.name}
    assert homes[session_name(made.here)] == stays.name
    yield made


async def answers(sender: Sender, where: SessionId) -> bool:
    """Whether a command is carried out."""
    try:
        reply = await sender.send(command(where), wait=2)
    except (Unroutable, Unavailable):
        return False
    return reply is not None and reply.problem is None


async def creates(sender: Sender) -> bool:
    """Whether a creation is."""
    try:
        return await sender.send(creation(), wait=2) is not None
    except (Unroutable, Unavailable):
        return False


async def noticed(holds: Callable[[], Awaitable[bool]]) -> None:
    """A node that is silent counts as down after its cluster's ``net_ticktime``, and once more that of what waited."""
    async with asyncio.timeout(40):
        while not await holds():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@pytest.mark.clusters
@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_what_lives_on_the_other_node_goes_on(cluster_vhost: ClusterVhost, fault: Fault) -> None:
    """Two wrappers, of which the second comes while the node is away; nothing of it needs a restart."""
    one, two = ScriptedHandler("one"), ScriptedHandler("two")
    async with (
        halves(cluster_vhost) as half,
        half.corner.bus() as bus,
        bus.sender() as sender,
        bus.listener(one.work()) as listener,
    ):
        await listener.listen(half.here)
        await listener.listen(half.there)
        assert await answers(sender, half.here)
        assert await answers(sender, half.there)
        assert await creates(sender)
        async with fault(cluster_vhost.cluster):
            await noticed(lambda: is_listening_to(listener, 1))
            await until(lambda: answers(sender, half.here))
            await _only_that_node(half, bus, sender)
            await _troubles_are_kept(half, sender, one)
            async with half.corner.bus() as late, late.listener(two.work()) as second:
                await second.listen(half.here)
                with pytest.raises((NodeDown, Unavailable)):
                    await second.listen(half.there)
                new = session()
                await second.listen(new)
                assert await answers(sender, new)
        await until(lambda: is_listening_to(listener, 2))
        await until(lambda: answers(sender, half.there))
        await until(lambda: creates(sender))
        assert [letter.reason for letter in await half.corner.dead()] == ["bug: KeyError"]
        async with reading(half.corner, ANN) as (of_ann,):
            assert "told" in await of_ann.ids(1)


async def _only_that_node(half: Halves, bus: RabbitBus, sender: Sender) -> None:
    """What needs it says so, in bounded time; a session of both is told as far as it goes."""
    async with asyncio.timeout(8):
        with pytest.raises(Unroutable):
            await sender.send(creation(), wait=2)
        with pytest.raises(Unroutable):
            await sender.send(command(half.there), wait=2)
        with pytest.raises(Unavailable):
            await bus.messenger.to_participant(BOB, message("lost", half.there))
        with pytest.raises(NodeDown):
            await bus.topology.open_mailbox(half.there, BOB)
        assert await bus.messenger.to_session(half.there, [message("told", half.there)]) == "all"
        assert set(await bus.topology.depths()) == set()
        assert bus.up()


async def _troubles_are_kept(half: Halves, sender: Sender, one: ScriptedHandler) -> None:
    """A command in trouble is tried again though ``retry`` is away, and one that fails is buried later."""
    one.outcomes = [Trouble("once")]
    async with asyncio.timeout(12):
        reply = await sender.send(command(half.here), wait=20)
        assert reply is not None
        assert reply.problem is None
        assert one.attempts[-2:] == [1, 2]
        one.outcomes = [KeyError("bug")]
        reply = await sender.send(command(half.here), wait=20)
        assert reply is not None
        assert reply.problem is not None
        assert reply.problem.code == "internal"
