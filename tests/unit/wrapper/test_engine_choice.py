"""Engine choice: the leases are asked once for all sessions that are made at once, and a failure is told to all."""

import asyncio
from typing import cast

import pytest

from callplane.contracts.errors import Unavailable
from callplane.store.leases import Leases
from wrapper import engine_choice
from wrapper.engine_choice import Choice, EngineChoice


class Processes:
    """Leases that note how often they were asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.away = False
        self.old = False

    async def _all(self, what: str) -> bool:
        self.asked.append(what)
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable("away")
        return not self.old

    async def all_know(self, engine: str) -> bool:
        """The engine."""
        return await self._all(engine)

    async def all_know_shards(self) -> bool:
        """Shards."""
        return await self._all("shards")

    async def all_know_keyed_records(self) -> bool:
        """Keys in records."""
        return await self._all("keys")


async def test_sessions_that_are_made_at_once_ask_once_and_again_when_it_is_no_longer_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    processes = Processes()
    choice = EngineChoice("log", [cast(Leases, processes)], "sharded")
    everything = Choice("log", "sharded", True)
    chosen = await asyncio.gather(*(choice.of_new_session("sharded") for _ in range(16)))
    assert chosen == [everything] * 16
    assert len(processes.asked) <= 2 * 3, "those who came while it was asked are answered together"
    before = len(processes.asked)
    assert await choice.of_new_session("per-session") == Choice("log", "per-session", True)
    assert len(processes.asked) == before, "it is believed for a second"
    monkeypatch.setattr(engine_choice, "BELIEVED", 0.0)
    processes.old = True
    assert await choice.of_new_session("sharded") == engine_choice.QUEUES


async def test_where_nobody_answers_all_hear_it_at_once_and_the_next_ask_again() -> None:
    processes = Processes()
    processes.away = True
    choice = EngineChoice("log", [cast(Leases, processes)])
    failed = await asyncio.gather(*(choice.of_new_session("sharded") for _ in range(16)), return_exceptions=True)
    assert [type(one) for one in failed] == [Unavailable] * 16
    assert len(processes.asked) <= 2
    processes.away = False
    assert (await choice.of_new_session("sharded")).engine == "log"
