"""Events reach every queue that is bound for them, in order, and stay until they are taken."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from callplane.bus.event_ports import ReceivedEvent
from callplane.bus.ports import Bus
from callplane.contracts.errors import Unavailable
from callplane.contracts.events import Asked, CloudEvent, session_event
from callplane.contracts.ids import SessionId
from callplane.contracts.messages import Message
from testkit.inprocess.bus import Corner, session
from testkit.servers.until import until


def happened(where: SessionId, version: int, type_: str = "session-updated", tenant: str = "acme") -> CloudEvent:
    """A change of a session."""
    id_ = f"{where}:{version}"
    message = Message(id=id_, type=type_, session_id=where, version=version, at=datetime.now(UTC), data={"n": version})
    return session_event(message, Asked("key:app", "r-1", tenant))


@dataclass
class Taken:
    """What a consumer was given; it fails so many times first."""

    failures: int = 0
    ids: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, events: Sequence[ReceivedEvent]) -> None:
        """Remember them."""
        if self.failures:
            self.failures -= 1
            raise Unavailable("not now")
        self.ids += [event.id for event in events]
        self.bodies += [event.body for event in events]
        self.changed.set()

    async def until_given(self, id_: str) -> list[str]:
        """The ids, once this one is among them: how many tries come before it is not known."""
        async with asyncio.timeout(15):
            while id_ not in self.ids:
                self.changed.clear()
                await self.changed.wait()
        return self.ids


async def test_every_queue_gets_what_it_is_bound_for_in_order(corner: Corner) -> None:
    where, all_, closed = session(), Taken(), Taken()
    async with corner.bus() as bus:
        keys = ["acme.session-closed"]
        async with bus.events.consuming("all", all_.take), bus.events.consuming("closed", closed.take, keys=keys):
            await _bound(bus, all_, closed)
            made = [happened(where, version) for version in range(1, 301)]
            await bus.events.publish(made)
            await bus.events.publish([happened(where, 301, "session-closed", tenant="other.one")])
            await bus.events.publish([happened(where, 302, "session-closed")])
            expected = [f"{where}:{version}" for version in range(1, 303)]
            assert [one for one in await all_.until_given(expected[-1]) if one in expected] == expected
            assert [one for one in await closed.until_given(expected[-1]) if one in expected] == expected[-1:]
            last = CloudEvent.model_validate_json(all_.bodies[all_.ids.index(expected[-1])])
            assert last == happened(where, 302, "session-closed").model_copy(update={"time": last.time})


async def test_what_could_not_be_taken_comes_again_and_a_queue_outlives_its_consumer(corner: Corner) -> None:
    where, first, second = session(), Taken(), Taken(failures=2)
    async with corner.bus() as bus:
        async with bus.events.consuming("kept", first.take):
            await _bound(bus, first)
        await bus.events.publish([happened(where, version) for version in range(1, 6)])
        async with bus.events.consuming("kept", second.take):
            expected = [f"{where}:{version}" for version in range(1, 6)]
            assert [one for one in await second.until_given(expected[-1]) if one in expected] == expected
        assert [one for one in first.ids if one.startswith(where)] == []


async def test_nobody_listens_and_nothing_fails(corner: Corner) -> None:
    async with corner.bus() as bus:
        await bus.events.publish([happened(session(), 1)])
        await bus.events.publish([])


async def test_what_waits_in_a_queue_is_counted(corner: Corner) -> None:
    where, taken = session(), Taken()
    async with corner.bus() as bus:
        async with bus.events.consuming("counted", taken.take):
            await _bound(bus, taken)
        await bus.events.publish([happened(where, version) for version in range(1, 4)])

        async def three() -> bool:
            return await bus.events.depth("counted") >= 3  # and what had come to look for it

        await until(three)


async def _bound(bus: Bus, *takers: Taken) -> None:
    """Wait until each queue is bound: what was published before that is for nobody."""
    async with asyncio.timeout(15):
        while not all(_tries(taker) for taker in takers):
            await bus.events.publish([happened(SessionId("try"), 1, "session-closed")])
            await asyncio.sleep(0.05)


def _tries(taker: Taken) -> list[str]:
    return [one for one in taker.ids if one == "try:1"]
