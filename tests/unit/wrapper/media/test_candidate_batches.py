"""Candidates of one participant are told together, and what could not be told is missed by its connections."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import ConnectionId, ParticipantId, SessionId
from callplane.contracts.messages import Message
from wrapper.media import candidate_batches as module
from wrapper.media.candidate_batches import CANDIDATES, CandidateBatches

S, ANN, BO = SessionId("s"), ParticipantId("ann"), ParticipantId("bo")


def message(id_: str) -> Message:
    """A candidate."""
    return Message(id=id_, type="ice-candidate", session_id=S, at=datetime.now(UTC), data={})


class Told:
    """What was told, each time; some fail once, first."""

    def __init__(self, failures: dict[ParticipantId, Exception] | None = None) -> None:
        self.at_once: list[tuple[str, list[str]]] = []
        self.missed: list[str] = []
        self._failures = failures or {}
        self._heard = asyncio.Event()

    async def tell(self, participant_id: ParticipantId, messages: Sequence[Message]) -> None:
        """Tell them, or fail."""
        self.at_once.append((participant_id, [one.id for one in messages]))
        self._heard.set()
        if participant_id in self._failures:
            raise self._failures.pop(participant_id)

    async def until(self, times: int) -> None:
        """Wait until so much was told, or tried."""
        async with asyncio.timeout(10):
            while len(self.at_once) < times:
                self._heard.clear()
                await self._heard.wait()


@asynccontextmanager
async def batches(told: Told) -> AsyncIterator[CandidateBatches]:
    """They work while the block runs."""
    made = CandidateBatches(told.tell)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(made.run(told.missed.append))
        yield made
        running.cancel()


async def test_what_is_found_within_a_moment_is_told_at_once_and_each_once() -> None:
    told = Told()
    async with batches(told) as made:
        for n in (1, 2, 2, 3):
            await made.put(ANN, ConnectionId("a"), message(f"a{n}"))
            await made.put(BO, ConnectionId("b"), message(f"b{n}"))
        await told.until(2)
        await made.put(ANN, ConnectionId("a"), message("late"))
        await told.until(3)
    assert sorted(told.at_once[:2]) == [("ann", ["a1", "a2", "a3"]), ("bo", ["b1", "b2", "b3"])]
    assert told.at_once[2:] == [("ann", ["late"])]
    assert told.missed == []


async def test_what_could_not_be_told_is_missed_by_each_connection_and_others_go_on() -> None:
    told = Told({ANN: Unavailable("no broker"), BO: RuntimeError("a bug")})
    async with batches(told) as made:
        await made.put(ANN, ConnectionId("a"), message("1"))
        await made.put(ANN, ConnectionId("c"), message("2"))
        await made.put(BO, ConnectionId("b"), message("3"))
        await told.until(2)
        await made.put(ANN, ConnectionId("a"), message("4"))
        await told.until(3)
    assert sorted(told.missed) == ["a", "c"]


async def test_a_full_batch_takes_nothing_more() -> None:
    told = Told()
    async with batches(told) as made:
        for n in range(CANDIDATES + 1):
            await made.put(ANN, ConnectionId("a"), message(str(n)))
        await told.until(2)
    assert sorted(len(ids) for _, ids in told.at_once) == [1, CANDIDATES]


async def test_who_is_cancelled_while_there_is_no_room_takes_nothing_of_others_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "BATCHES", 1)
    told = Told()
    made = CandidateBatches(told.tell)
    await made.put(BO, ConnectionId("b"), message("fills the line"))
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        leaving = group.create_task(made.put(ANN, ConnectionId("a"), message("1")))
        await asyncio.sleep(0)
        staying = [group.create_task(made.put(ANN, ConnectionId("a"), message(str(n)))) for n in (2, 3)]
        await asyncio.sleep(0)
        leaving.cancel()
        running = group.create_task(made.run(told.missed.append))
        await told.until(2)
        await asyncio.gather(*staying)
        running.cancel()
    assert sorted(told.at_once) == [("ann", ["2", "3"]), ("bo", ["fills the line"])]
    assert told.missed == []
