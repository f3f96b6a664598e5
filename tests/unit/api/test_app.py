"""What the parts of the program share, and what they must not."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from callplane.bus.memory.mailboxes import MemoryMailboxes
from callplane.contracts.ids import ParticipantId
from callplane.store.attachments import Attachments
from callplane.store.mongo.database import Database as Store
from callplane.store.mongo.database import open_database
from callplane.store.mongo.shielded_calls import ShieldedCalls
from testkit.fakes.asgi import api, settings_for
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.inprocess.mailboxes import S, message
from testkit.servers.servers import Database


class Slow(ShieldedCalls):
    """Operations that wait as long as the test says, as those of a pool do that is full."""

    def __init__(self, calls: ShieldedCalls) -> None:
        super().__init__(calls._barrier)
        self._calls = calls
        self.free = asyncio.Event()
        self.free.set()

    async def __call__(self, operation: Coroutine[Any, Any, Any]) -> Any:
        """The result, once it may begin."""
        await self.free.wait()
        return await self._calls(operation)


async def test_the_lease_waits_for_nobody_elses_operations(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than it lasts: who is attached is answered all the same."""
    opened: list[Slow] = []

    @asynccontextmanager
    async def slowly(url: str, name: str) -> AsyncIterator[Store]:
        async with open_database(url, name) as store:
            if not opened:
                opened.append(Slow(store._calls))
                store._calls = opened[0]
            yield store

    monkeypatch.setattr("api.app.open_database", slowly)
    bus = ScriptedBus()
    buses = bus.buses
    assert isinstance(buses.mailboxes, MemoryMailboxes)
    monkeypatch.setattr(ScriptedBus, "buses", buses)
    ann = ParticipantId("ann")
    async with api(settings_for(database), bus) as it, open_database(database.url, database.name) as store:
        await Attachments(store).open(S, ann)
        buses.mailboxes.open(S, ann)
        asked = {"params": {"wait": 0}, "headers": it.token(S, ann)}
        assert (await it.http.get("/messages", **asked)).status_code == 200
        opened[0].free.clear()
        until = asyncio.get_running_loop().time() + it.program.services.readers.timing.lease + 1
        while asyncio.get_running_loop().time() < until:
            buses.mailboxes.put(ann, message("1"))
            assert (await it.http.get("/messages", **asked)).status_code == 200
            await asyncio.sleep(0.2)
        opened[0].free.set()
