"""Load: what is counted as said, lost, doubled and refused, and how long it took."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from callplane_client import AsyncCallplane, AsyncSeat, AsyncWay, Retries, Unreachable
from callplane_client.shapes import Message
from cli.calls import load
from cli.calls.load import LoadedSession, Outcome, Plan, percentile, run
from testkit.fakes.asgi import KEY
from testkit.inprocess.whole import whole
from testkit.servers.servers import Database

ONCE = AsyncWay(Retries(patience=0))


def quietly(_: Outcome) -> None:
    """Show nothing."""


async def test_everybody_reads_everything_once(database: Database) -> None:
    plan = Plan(sessions=2, subscribers=2, messages=20, seconds=0.5, kill="exit 3", every=0.1, per_second=50)
    async with whole(database) as url, AsyncCallplane(url, api_key=KEY) as callplane:
        outcome = await run(callplane, plan, quietly)
        left = [one async for one in callplane.sessions.list(status="open")]
    row = outcome.row()
    assert (row["joins"], row["lost"], row["doubled"], left) == (4, 0, 0, [])
    assert outcome.received == 2 * outcome.sent > 0
    assert row["kills"] == outcome.errors.pop("kill failed") > 0
    assert outcome.errors == {}
    assert row["delay_p99_ms"] >= row["delay_p50_ms"] >= 0


async def test_what_does_not_come_is_lost_and_what_comes_twice_is_doubled(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "SETTLE_SECONDS", 0.05)
    taken: Callable[[LoadedSession, str, Message], None] = LoadedSession._take

    def badly(call: LoadedSession, seat_id: str, message: Message) -> None:
        """The first never comes; the second comes twice."""
        if message.data.get("data") != 1:
            taken(call, seat_id, message)
        if message.data.get("data") == 2:
            taken(call, seat_id, message)

    monkeypatch.setattr(LoadedSession, "_take", badly)
    async with whole(database) as url, AsyncCallplane(url, api_key=KEY) as callplane:
        outcome = await run(callplane, Plan(sessions=1, subscribers=2, messages=10, seconds=1), quietly)
    assert (outcome.lost, outcome.doubled) == (2, 2)


async def test_refusals_are_counted_by_their_code(database: Database) -> None:
    async with whole(database) as url, AsyncCallplane(url, api_key="another", way=ONCE) as callplane:
        outcome = await run(callplane, Plan(sessions=3, seconds=0), quietly)
    assert outcome.errors == {"unauthorized": 3}
    async with AsyncCallplane(url, api_key=KEY, way=ONCE) as nobody:
        assert (await run(nobody, Plan(sessions=1, seconds=0), quietly)).errors == {"unreachable": 1}


async def test_what_was_read_though_it_was_refused_hides_nothing_that_is_lost(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    signal = AsyncSeat.signal

    async def no_answer(seat: AsyncSeat, *args: Any, **more: Any) -> Any:
        await signal(seat, *args, **more)
        await asyncio.wait_for(read.wait(), 10)
        raise Unreachable("nobody answers")

    read, taken = asyncio.Event(), LoadedSession._take

    def seen(call: LoadedSession, seat_id: str, message: Message) -> None:
        taken(call, seat_id, message)
        if call.outcome.received:
            read.set()

    monkeypatch.setattr(AsyncSeat, "signal", no_answer)
    monkeypatch.setattr(LoadedSession, "_take", seen)
    async with whole(database) as url, AsyncCallplane(url, api_key=KEY) as callplane:
        outcome = await run(callplane, Plan(sessions=1, subscribers=1, messages=1, seconds=0.5), quietly)
    assert (outcome.received, outcome.expected, outcome.lost) == (1, 1, 0)


def test_percentiles_are_in_whole_milliseconds() -> None:
    assert percentile([], 0.5) is None
    assert percentile([0.001 * n for n in range(1, 101)], 0.5) == 51
    assert percentile([0.001 * n for n in range(1, 101)], 0.99) == 100


async def test_a_message_of_somebody_else_is_none_of_the_load() -> None:
    outcome = Outcome(Plan())
    async with asyncio.TaskGroup() as tasks, AsyncCallplane("http://calls.test") as callplane:
        call = LoadedSession(callplane, "s", outcome, tasks)
        at = datetime.now(UTC)
        call._take("a", Message(id="1", type="signal", session_id="s", at=at, data={"type": "chat", "data": 1}))
        call._take("a", Message(id="2", type="participant-joined", session_id="s", at=at, data={}))
    assert (outcome.received, outcome.doubled) == (0, 0)
