"""Hint link of a pod: one that is as good as ever is kept, whatever becomes of the database meanwhile."""

import asyncio

import pytest

from api.log import hint_link
from api.log.hint_link import PodHintLink
from callplane.bus.memory.hints import MemoryHints
from callplane.concurrency import alongside
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import SessionId

S = SessionId("s")


class CountedHints(MemoryHints):
    """Counts the links that are made."""

    def __init__(self) -> None:
        super().__init__()
        self.made = 0

    def connect(self, on_hint):  # type: ignore[no-untyped-def]
        """One more."""
        self.made += 1
        return super().connect(on_hint)


async def test_a_database_that_is_away_costs_no_link_and_is_asked_until_it_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A link made again and again would be a queue and all bindings each time, at a broker that is well."""
    monkeypatch.setattr(hint_link, "AGAIN_SECONDS", 0.001)
    hints, asked, first, answered = CountedHints(), 0, asyncio.Event(), asyncio.Event()
    came: list[bytes] = []

    async def linked() -> None:
        nonlocal asked
        asked += 1
        first.set()
        if asked < 5:
            raise Unavailable("no database")
        answered.set()

    link = PodHintLink(hints, came.append, linked)
    async with alongside(link.run()), asyncio.timeout(5):
        await first.wait()
        await link.bind(S)
        hints.send(S, b"meanwhile")
        await answered.wait()
        assert (hints.made, asked, came) == (1, 5, [b"meanwhile"])
