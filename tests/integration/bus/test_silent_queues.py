"""A queue that does not answer, as on a paused node: whoever asks for it goes without, and nobody else notices."""

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from zlib import crc32

import pytest

from callplane.bus.names import mailbox_name, session_name
from callplane.bus.ports import Listener
from callplane.bus.rabbitmq import RabbitSettings, open_bus
from callplane.bus.rabbitmq.connection import Timings
from callplane.bus.rabbitmq.listener import CHANNELS
from callplane.contracts.errors import NodeDown
from callplane.contracts.ids import ParticipantId, SessionId
from testkit.inprocess.bus import FAST, RabbitCorner, ScriptedHandler, command, is_listening_to, session, until
from testkit.servers.servers import Vhost

ANN, BOB = ParticipantId("ann"), ParticipantId("bob")


@asynccontextmanager
async def silent(vhost: Vhost, queue: str) -> AsyncIterator[None]:
    """Its process stands still for the block."""

    async def ask(what: str) -> None:
        await vhost.node.shell.ask(
            f'(fun() -> {{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"{vhost.name}">>, queue, <<"{queue}">>)),'
            f" erlang:{what}_process(amqqueue:get_pid(Q)) end)()"
        )

    await ask("suspend")
    try:
        yield
    finally:
        await ask("resume")


async def test_a_mailbox_that_does_not_answer_ends_no_link(vhost: Vhost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callplane.bus.rabbitmq.mailbox_link.ANSWER_WITHIN", 1.0)
    where = session()
    corner = RabbitCorner(vhost.url)
    async with corner.bus() as bus, corner.mailboxes.connect(lambda _: None) as link:
        await bus.topology.open_session(where)
        for who in (ANN, BOB):
            await bus.topology.open_mailbox(where, who)
        async with silent(vhost, mailbox_name(ANN)):
            for _ in range(6):
                with pytest.raises(NodeDown):
                    await link.depth(ANN)
                assert await link.depth(BOB) == 0
            assert not link.ended.is_set()
        assert await link.depth(ANN) == 0


async def test_a_session_that_does_not_answer_holds_up_no_other(vhost: Vhost) -> None:
    """A wrapper that starts consumes all others, and that one when it answers, though all are asked for in bulk."""
    told, sessions = ScriptedHandler(), [session() for _ in range(150)]
    async with RabbitCorner(vhost.url).bus() as bus:
        for where in sessions:
            await bus.topology.open_session(where)
    settings = RabbitSettings(vhost.url, timings=Timings(confirm=1.0, call=2.0), limits=FAST)
    async with open_bus(settings) as bus, bus.sender() as sender, bus.listener(told.work()) as listener:
        await bus.wait_up(5)
        async with silent(vhost, session_name(sessions[7])):
            await listener.listen_all(sessions)
            others = frozenset(sessions) - {sessions[7]}
            await until(lambda: consumes(listener, others))
            for other in neighbours(sessions[7], sessions):
                assert await sender.send(command(other), wait=20) is not None
        await until(lambda: is_listening_to(listener, 150))


def neighbours(session_id: SessionId, sessions: list[SessionId]) -> list[SessionId]:
    """Another of each channel, and all of the session's own channel: some are consumed before it, some after it."""
    by_channel = defaultdict[int, list[SessionId]](list)
    for other in sessions:
        by_channel[crc32(other.encode()) % CHANNELS].append(other)
    own = by_channel.pop(crc32(session_id.encode()) % CHANNELS)
    return [*(others[0] for others in by_channel.values()), *(other for other in own if other != session_id)]


async def consumes(listener: Listener, sessions: frozenset[SessionId]) -> bool:
    """Whether it consumes the queues of these and no others."""
    return listener.listening() == sessions
