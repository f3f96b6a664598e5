"""A new command is a class and a handler: nothing that lies between the two has to be told of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal, cast

import pytest

from callplane.bus.memory import MemoryBroker, MemoryBus
from callplane.bus.ports import Sender, Work, always
from callplane.contracts.commands import Done, Envelope, Stop
from callplane.contracts.ids import SessionId
from callplane.contracts.model import Wire
from callplane.contracts.registry import Command, commands
from testkit.inprocess.bus import FAST, command, session
from wrapper.commands.handler import handler
from wrapper.commands.registry import HANDLERS, handles
from wrapper.context import Context

CONTEXT = cast(Context, object())
"""Nothing here asks it for anything."""


class Waved(Wire):
    """Who was waved to, and how often."""

    to: str
    times: int


class WaveTo(Command[Waved]):
    """Wave to somebody."""

    name: Literal["test-wave-to"] = "test-wave-to"
    to: str
    times: int = 2


@handles(WaveTo)
async def wave(envelope: Envelope, command: WaveTo, context: Context) -> Waved:
    """Wave."""
    assert context is CONTEXT
    return Waved(to=f"{command.to} in {envelope.session_id}", times=command.times)


@asynccontextmanager
async def wrapper_for(session_id: SessionId) -> AsyncIterator[Sender]:
    """A way to a wrapper that listens to the session, over the in-process bus."""

    async def nothing(*_: Any) -> None:
        pass

    bus = MemoryBus(MemoryBroker(), FAST)
    await bus.topology.open_session(session_id)
    work = Work(handler(CONTEXT, nothing, nothing), nothing, always, nothing)
    async with bus.listener(work) as listener, bus.sender() as sender:
        await listener.listen(session_id)
        yield sender


async def test_it_is_sent_carried_out_and_answered() -> None:
    here = session()
    async with wrapper_for(here) as sender:
        reply = await sender.send(command(here, WaveTo(to="Ada")), wait=20)
    assert reply is not None
    assert (reply.problem, reply.result) == (None, {"to": f"Ada in {here}", "times": 2})
    assert WaveTo.reply_type().model_validate(reply.result).times == 2


def test_every_command_of_the_product_has_its_handler() -> None:
    ours = [one for one in commands() if one.__module__.startswith("callplane.")]
    assert len(ours) >= 10
    assert [one.__name__ for one in ours if one not in HANDLERS] == []


def test_a_second_handler_for_a_command_is_refused_where_it_is_written() -> None:
    with pytest.raises(TypeError, match="Stop"):

        @handles(Stop)
        async def other(_envelope: Envelope, _command: Stop, _context: Context) -> Done:
            return Done()
