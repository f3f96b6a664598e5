"""Outcomes that are hard to have from a real broker: groups, and cancelling from somewhere else."""

import asyncio
from datetime import UTC, datetime

import pytest
from pydantic import BaseModel

from callplane.bus.consuming.delivery import RawDelivery
from callplane.bus.consuming.outcomes import OutcomePolicy
from callplane.bus.ports import Delivery, Work
from callplane.contracts.commands import Caller, Done, Envelope, UpdateSession
from callplane.contracts.errors import Busy, Refusal, Trouble, Unavailable
from callplane.contracts.ids import SessionId
from callplane.contracts.replies import Answer

ENVELOPE = Envelope(
    id="c", session_id="s", caller=Caller(kind="key"), deadline=datetime.now(UTC), body=UpdateSession(changes={})
)


class WrittenSettlement:
    """Writes down what is done to a delivery, in order."""

    def __init__(self) -> None:
        self.done: list[str] = []

    async def reply(self, received: RawDelivery, reply: Answer) -> None:
        self.done.append(f"reply {reply.problem.code if reply.problem else 'done'}")

    async def republish(self, received: RawDelivery, attempt: int, *, later: bool) -> None:
        self.done.append(f"again {attempt} {'later' if later else 'now'}")

    async def dead_letter(self, received: RawDelivery, reason: str) -> None:
        self.done.append(f"bury {reason}")

    async def ack(self, received: RawDelivery) -> None:
        self.done.append("ack")

    def is_lost(self, received: RawDelivery) -> bool:
        return False


async def judged(
    outcome: BaseException | None,
    attempt: int = 1,
    *,
    redelivered: bool = False,
    ill: bool = True,
    known: BaseModel | Exception | None = None,
) -> list[str]:
    """What is done when the handler does this, and a finished command is found or not."""
    settlement = WrittenSettlement()

    async def handler(_: Delivery) -> BaseModel:
        if outcome is not None:
            raise outcome
        return Done()

    async def abandon(_: Envelope) -> None:
        settlement.done.append("abandon")

    async def pause_if_unhealthy() -> bool:
        settlement.done.append("pause" if ill else "go on")
        return ill

    async def finished(_: Envelope) -> BaseModel | None:
        if isinstance(known, Exception):
            raise known
        return known

    async def healthy() -> bool:
        return True

    async def cancelled(_: SessionId) -> None: ...

    body = ENVELOPE.model_dump_json().encode()
    received = RawDelivery(body, "session.s", "c", attempt, redelivered, "replies", None, None)
    work = Work(handler, abandon, healthy, cancelled, finished=finished)
    await OutcomePolicy(settlement, work, pause_if_unhealthy, 5).settle(received)
    return settlement.done


@pytest.mark.parametrize(
    ("outcome", "attempt", "done"),
    [
        (None, 1, ["reply done", "ack"]),
        (None, 5, ["reply done", "ack"]),
        (Refusal("invalid"), 1, ["reply invalid", "ack"]),
        (Refusal("invalid"), 5, ["reply invalid", "ack"]),
        (Busy(), 5, ["again 5 later", "ack"]),
        (Trouble("x"), 4, ["again 5 later", "ack"]),
        (Trouble("x"), 5, ["abandon", "bury attempts: x", "reply unavailable", "ack"]),
        (Unavailable("x"), 5, ["pause", "again 5 now", "ack"]),
        (KeyError(), 1, ["abandon", "bury bug: KeyError", "reply internal", "ack"]),
        (asyncio.CancelledError(), 1, ["again 2 later", "ack"]),
        (
            asyncio.CancelledError(),
            5,
            ["abandon", "bury attempts: something that the attempt waited for was cancelled"],
        ),
    ],
)
async def test_every_outcome_ends_in_an_ack(outcome: BaseException | None, attempt: int, done: list[str]) -> None:
    """And the ack comes last: until then the broker would deliver it again."""
    found = await judged(outcome, attempt)
    assert found[: len(done)] == done
    assert found[-1] == "ack"
    assert found.count("ack") == 1


@pytest.mark.parametrize(
    ("outcomes", "first"),
    [
        ([Refusal("invalid")], "reply invalid"),
        ([Refusal("invalid"), Busy()], "again 1 later"),
        ([Busy(), Trouble()], "again 2 later"),
        ([Trouble(), Unavailable()], "pause"),
        ([Unavailable(), ExceptionGroup("", [Busy(), KeyError()])], "abandon"),
        ([ExceptionGroup("", [ExceptionGroup("", [Refusal("kicked")])])], "reply kicked"),
    ],
)
async def test_a_group_means_the_gravest_in_it(outcomes: list[Exception], first: str) -> None:
    """A handler may run tasks; a bug in any of them is a bug."""
    assert (await judged(ExceptionGroup("tasks", outcomes)))[0] == first


async def test_what_a_dead_consumer_left_is_counted_first() -> None:
    """And not handled in the same breath; after the last attempt it is buried."""
    assert await judged(None, 1, redelivered=True) == ["again 2 now", "ack"]
    assert await judged(None, 4, redelivered=True) == ["again 5 now", "ack"]
    last = ["abandon", "bury attempts: a consumer died in the last", "reply unavailable", "ack"]
    assert await judged(None, 5, redelivered=True) == last
    assert await judged(None, 6) == last


async def test_one_late_answer_puts_one_command_off_and_pauses_nothing() -> None:
    """Uncounted: its database or broker was late, and it was not."""
    assert await judged(Unavailable("late"), 5, ill=False) == ["go on", "again 5 later", "ack"]
    assert await judged(Unavailable("late"), 5, ill=True) == ["pause", "again 5 now", "ack"]


async def test_a_last_attempt_that_has_lost_only_its_ack_is_answered() -> None:
    """What it made works, and is not released; what cannot be known is given up as before."""
    assert await judged(None, 5, redelivered=True, known=Done()) == ["reply done", "ack"]
    assert await judged(None, 6, known=Done()) == ["reply done", "ack"]
    assert await judged(None, 4, redelivered=True, known=Done()) == ["again 5 now", "ack"]
    assert await judged(None, 5, redelivered=True, known=Unavailable("x")) == ["pause", "again 6 now", "ack"]
    assert await judged(None, 5, redelivered=True, known=Unavailable("x"), ill=False) == [
        "go on",
        "again 6 later",
        "ack",
    ]
    assert (await judged(None, 5, redelivered=True, known=KeyError()))[0] == "abandon"


async def test_cancelling_the_judge_is_no_outcome() -> None:
    """A delivery whose handling is cut off is left to whoever cut it off."""
    settlement, began = WrittenSettlement(), asyncio.Event()

    async def handler(_: Delivery) -> BaseModel:
        began.set()
        await asyncio.Event().wait()
        return Done()

    async def nothing(*_: object) -> None: ...

    async def healthy() -> bool:
        return True

    received = RawDelivery(ENVELOPE.model_dump_json().encode(), "session.s", "c", 1, False, None, None, None)
    settling = asyncio.ensure_future(
        OutcomePolicy(settlement, Work(handler, nothing, healthy, nothing), healthy, 5).settle(received)
    )
    await began.wait()
    settling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await settling
    assert settlement.done == []
