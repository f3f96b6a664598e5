"""A media server whose calls hang costs the commands of others nothing (design 3.4)."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from callplane.bus.memory import open_bus
from callplane.bus.ports import Bus, Work
from callplane.contracts.commands import Done, Envelope, UpdateSession
from callplane.contracts.errors import Busy
from callplane.contracts.ids import SessionId
from callplane.contracts.media import MediaRef
from testkit.fakes.scripted_kurento import SILENCE, ScriptedKurento, scripted_kurento
from testkit.inprocess.bus import command, session
from wrapper.commands import handler as module
from wrapper.media.call_slots import CallSlots
from wrapper.media.kurento import KurentoMedia, MediaOptions
from wrapper.media.port import SlotsTaken
from wrapper.media.server import ServerCallbacks, opened_server

HANGING, HEALTHY = 80, 40


async def _nothing(*_: Any) -> None:
    return None


def _untouched(*_: Any) -> AbstractContextManager[None]:
    return nullcontext()


@asynccontextmanager
async def media_on(kurento: ScriptedKurento) -> AsyncIterator[KurentoMedia]:
    """The media port, with that server as its only one."""
    callbacks = ServerCallbacks(_nothing, _nothing, _nothing, _nothing, _nothing)
    async with opened_server(("k", kurento.url), cast(Any, None), callbacks, _untouched) as server:
        await server._calls.opened(5)
        yield KurentoMedia({"k": server}, cast(Any, None), MediaOptions())


@pytest.fixture
def on_the_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[SessionId]]:
    """The sessions whose commands make a call on the media server; those of the others are done at once."""
    sessions: set[SessionId] = set()

    async def update(envelope: Envelope, _body: UpdateSession, context: Any) -> Done:
        if envelope.session_id in sessions:
            await context.media.exists(MediaRef("k", "pipeline"))
        return Done()

    monkeypatch.setattr(module, "HANDLERS", {UpdateSession: update})
    yield sessions


@asynccontextmanager
async def wrapper(media: KurentoMedia, sessions: list[SessionId]) -> AsyncIterator[Bus]:
    """One that listens to these sessions."""

    async def reached_by_others(*_: Any) -> bool:
        return False

    clock = SimpleNamespace(now=lambda: datetime.now(UTC))
    store = SimpleNamespace(clock=clock, servers=SimpleNamespace(reached_by_others=reached_by_others))
    context = cast(Any, SimpleNamespace(media=media, store=store, wrapper="w"))

    async def healthy() -> bool:
        return True

    async with open_bus() as bus:
        work = Work(module.handler(context, _nothing, _nothing), _nothing, healthy, _nothing)
        async with bus.listener(work) as listener:
            for one in sessions:
                await listener.listen(one)
            yield bus


def later(session_id: SessionId) -> Envelope:
    """A command with time enough."""
    return command(session_id).model_copy(update={"deadline": datetime.now(UTC) + timedelta(seconds=60)})


async def test_commands_beside_a_server_that_hangs_are_answered(on_the_server: set[SessionId]) -> None:
    hanging, healthy = [session() for _ in range(HANGING)], [session() for _ in range(HEALTHY)]
    on_the_server.update(hanging)
    async with scripted_kurento() as kurento, media_on(kurento) as media:
        kurento.answers["describe"] = lambda _: SILENCE
        async with wrapper(media, [*hanging, *healthy]) as bus, bus.sender() as sender:
            for one in hanging:
                await sender.post(later(one))
            await kurento.received("describe", 16)  # they hang
            replies = await asyncio.gather(*(sender.send(later(one), wait=9) for one in healthy))
    assert [reply for reply in replies if reply is None or reply.problem is not None] == []


async def test_what_found_no_slot_is_given_back_uncounted_until_its_deadline(on_the_server: set[SessionId]) -> None:
    async def taken(*_: Any) -> bool:
        raise SlotsTaken("k")

    clock = SimpleNamespace(now=lambda: datetime.now(UTC))
    fake = SimpleNamespace(media=SimpleNamespace(exists=taken), store=SimpleNamespace(clock=clock), wrapper="w")
    handle = module.handler(cast(Any, fake), _nothing, _nothing)
    on_the_server.add(one := session())
    with pytest.raises(Busy):
        await handle(SimpleNamespace(envelope=later(one)))  # type: ignore[arg-type]
    with pytest.raises(SlotsTaken):
        await handle(SimpleNamespace(envelope=command(one)))  # type: ignore[arg-type]


async def test_a_slot_is_waited_for_while_others_get_on_and_no_longer() -> None:
    slots, end = CallSlots("k", slots=2, patience=0.2), asyncio.Event()
    took: list[str] = []

    async def call(name: str) -> None:
        async with slots.slot():
            took.append(name)
            await end.wait()

    clock = asyncio.get_running_loop().time
    async with asyncio.TaskGroup() as group:
        for name in "ab":
            group.create_task(call(name))
        await asyncio.sleep(0)
        with pytest.raises(SlotsTaken):
            await call("waits")
        began = clock()
        for _ in range(50):  # nothing has moved: nobody waits any more
            with pytest.raises(SlotsTaken):
                await call("late")
        assert clock() - began < 50 * 0.2 / 2
        end.set()
    await call("c")
    assert took == ["a", "b", "c"]


async def test_who_waits_has_the_slot_that_becomes_free() -> None:
    slots, end = CallSlots("k", slots=1, patience=5), asyncio.Event()

    async def first() -> None:
        async with slots.slot():
            await end.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(first())
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.01, end.set)
        async with slots.slot():
            assert end.is_set()
