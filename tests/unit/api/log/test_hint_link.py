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


async def test_a_session_that_is_bound_is_not_asked_for_again_and_one_that_is_being_unbound_is() -> None:
    """Who opens while the unbinding is on its way would have no hints, and nobody would bind it again."""
    hints = MemoryHints()
    asked: list[str] = []
    up, unbinding, go_on, came = asyncio.Event(), asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def linked() -> None:
        up.set()

    link = PodHintLink(hints, lambda _: came.set(), linked)
    async with alongside(link.run()), asyncio.timeout(5):
        await up.wait()
        assert link._link is not None
        bind, unbind = link._link.bind, link._link.unbind

        async def slow_unbind(session: SessionId) -> None:
            asked.append("unbind")
            unbinding.set()
            await go_on.wait()
            await unbind(session)

        async def counted_bind(session: SessionId) -> None:
            asked.append("bind")
            await bind(session)

        link._link.bind, link._link.unbind = counted_bind, slow_unbind  # type: ignore[method-assign]
        await link.bind(S)
        await link.bind(S)
        link.unbind(S)
        await unbinding.wait()
        again = asyncio.ensure_future(link.bind(S))
        await asyncio.sleep(0)
        assert not again.done()
        go_on.set()
        await again
        hints.send(S, b"hint")
        await came.wait()
    assert asked == ["bind", "unbind", "bind"]
