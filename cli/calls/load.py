"""Load: so many sessions of people who join, publish, receive and say something, and what became of it."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from callplane_client import AsyncCallplane, AsyncSeat, CallplaneError, Refused
from callplane_client.shapes import Message

if TYPE_CHECKING:
    from callplane_client.media import MediaSeat

SIGNAL = "load"
SETTLE_SECONDS = 10.0
"""How long behind the last message is waited for what is still on its way."""


@dataclass(frozen=True)
class Plan:
    """What is to be done."""

    sessions: int = 3
    publishers: int = 0
    """Of each session; they send a synthetic picture and sound, and everybody else receives them."""
    subscribers: int = 3
    messages: float = 2.0
    """A second, in each session, each to everybody in it."""
    seconds: float = 20.0
    kill: str = ""
    """A command of the shell that is run in the middle, again and again."""
    every: float = 10.0
    """Seconds between two of those."""
    per_second: float = 0.0
    """Sessions that are begun each second; none: all at once."""


@dataclass
class Outcome:
    """What became of it, as it goes on."""

    plan: Plan
    joins: list[float] = field(default_factory=list)
    first_frames: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    """Of each message, from before it was sent to when it was read."""
    sent: int = 0
    expected: int = 0
    """Sent, times who was to read it."""
    received: int = 0
    doubled: int = 0
    kills: int = 0
    kbps: float = 0.0
    """What all together received of media, each at its mean from its join to its end."""
    errors: Counter[str] = field(default_factory=Counter)

    def count(self, trouble: CallplaneError) -> None:
        """One more refusal, or no answer."""
        self.errors[trouble.code if isinstance(trouble, Refused) else "unreachable"] += 1

    @property
    def lost(self) -> int:
        """What was to be read and was not; on the way until the end."""
        return self.expected - self.received

    def row(self) -> dict[str, Any]:
        """The figures, in milliseconds where they are times."""
        return {
            "joins": len(self.joins),
            "join_p50_ms": percentile(self.joins, 0.5),
            "join_p99_ms": percentile(self.joins, 0.99),
            "first_frames": len(self.first_frames),
            "first_frame_p50_ms": percentile(self.first_frames, 0.5),
            "first_frame_p99_ms": percentile(self.first_frames, 0.99),
            "kbps": round(self.kbps),
            "messages_sent": self.sent,
            "delay_p50_ms": percentile(self.delays, 0.5),
            "delay_p99_ms": percentile(self.delays, 0.99),
            "lost": self.lost,
            "doubled": self.doubled,
            "kills": self.kills,
            "errors": dict(self.errors),
        }


def percentile(values: Sequence[float], part: float) -> int | None:
    """The value below which so many are, in whole milliseconds; None of none."""
    if not values:
        return None
    return round(sorted(values)[min(len(values) - 1, int(len(values) * part))] * 1000)


async def run(callplane: AsyncCallplane, plan: Plan, show: Callable[[Outcome], None]) -> Outcome:
    """Do it; ``show`` is called each second."""
    outcome = Outcome(plan)
    async with asyncio.TaskGroup() as tasks:
        showing = tasks.create_task(_each_second(lambda: show(outcome)))
        killing = tasks.create_task(_kills(outcome)) if plan.kill else None
        async with asyncio.TaskGroup() as sessions:
            for number in range(plan.sessions):
                await asyncio.sleep(1 / plan.per_second if plan.per_second and number else 0)
                sessions.create_task(_session(callplane, outcome))
        for task in (showing, killing):
            if task is not None:
                task.cancel()
    return outcome


async def _session(callplane: AsyncCallplane, outcome: Outcome) -> None:
    try:
        session = await callplane.sessions.create(empty_timeout=60, metadata={"made_by": "load"})
    except CallplaneError as trouble:
        outcome.count(trouble)
        return
    try:
        async with asyncio.TaskGroup() as tasks:
            call = LoadedSession(callplane, session.id, outcome, tasks)
            await call.run()
    finally:
        with contextlib.suppress(CallplaneError):  # it ends by itself when it has been empty for a minute
            await callplane.sessions.close(session.id, reason="load is over")


@dataclass
class LoadedSession:
    """One session of the load, and who is in it."""

    callplane: AsyncCallplane
    session_id: str
    outcome: Outcome
    tasks: asyncio.TaskGroup
    seats: list[AsyncSeat] = field(default_factory=list)
    _missing: dict[tuple[str, int], float] = field(default_factory=dict)
    """When a message was sent that a seat is to read, by both; gone when it has been read."""
    _settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while nothing is missing."""

    async def run(self) -> None:
        """Fill it, say something for the time of the plan, and wait for what is still on its way."""
        plan = self.outcome.plan
        self._settled.set()
        async with AsyncExitStack() as stack:
            for n in range(plan.publishers + plan.subscribers):
                await self._join(stack, f"load {n + 1}", publishes=n < plan.publishers)
            end = time.monotonic() + plan.seconds
            count = 0
            while (left := end - time.monotonic()) > 0:
                if self.seats and plan.messages:
                    count += 1
                    await self._say(count)
                    await asyncio.sleep(min(left, 1 / plan.messages))
                else:
                    await asyncio.sleep(left)
            with contextlib.suppress(TimeoutError):  # what has not come by then is lost
                async with asyncio.timeout(SETTLE_SECONDS):
                    await self._settled.wait()

    async def _join(self, stack: AsyncExitStack, name: str, publishes: bool) -> None:
        media = self.outcome.plan.publishers > 0
        began = time.monotonic()
        try:
            if media:
                await self._join_with_media(stack, name, publishes)
            else:
                joined = await self.callplane.participants.join(self.session_id, name=name)
                self.outcome.joins.append(time.monotonic() - began)
                seat = self.callplane.seat(joined)
                self.seats.append(seat)
                reading = self.tasks.create_task(self._reads(seat))
                stack.callback(reading.cancel)
        except CallplaneError as trouble:
            self.outcome.count(trouble)

    async def _join_with_media(self, stack: AsyncExitStack, name: str, publishes: bool) -> None:
        from cli.calls.callers import Caller, in_call

        caller = Caller(name, publish="synthetic" if publishes else "", subscribe=True)
        somebody = await stack.enter_async_context(in_call(self.callplane, self.session_id, caller))
        self.outcome.joins.append(somebody.joined_after)
        self.seats.append(somebody.seat)
        somebody.media.on("signal", lambda message: self._take(somebody.seat.id, message))
        somebody.reception.on_first.append(self.outcome.first_frames.append)
        stack.push_async_callback(self._weigh, somebody.media, time.monotonic())

    async def _weigh(self, media: "MediaSeat", since: float) -> None:
        bits = await media.bytes_received() * 8
        self.outcome.kbps += bits / 1000 / max(0.001, time.monotonic() - since)

    async def _reads(self, seat: AsyncSeat) -> None:
        messages = seat.messages()
        try:
            async for message in messages:
                self._take(seat.id, message)
        except CallplaneError as trouble:
            self.outcome.count(trouble)
        finally:
            await messages.aclose()

    async def _say(self, count: int) -> None:
        began = time.monotonic()
        waiting = {(seat.id, count): began for seat in self.seats}
        self._missing |= waiting
        self._settled.clear()
        try:
            await self.seats[0].signal(SIGNAL, count)
        except CallplaneError as trouble:
            self.outcome.count(trouble)
            # It may have been said all the same: who has read it by now was to read it.
            self.outcome.expected += sum(self._found(each) is None for each in waiting)
            return
        self.outcome.sent += 1
        self.outcome.expected += len(waiting)

    def _take(self, seat_id: str, message: Message) -> None:
        if message.type != "signal" or message.data.get("type") != SIGNAL:
            return
        began = self._found((seat_id, message.data["data"]))
        if began is None:
            self.outcome.doubled += 1
            return
        self.outcome.received += 1
        self.outcome.delays.append(time.monotonic() - began)

    def _found(self, which: tuple[str, int]) -> float | None:
        """Not missing any more; when it was sent."""
        began = self._missing.pop(which, None)
        if not self._missing:
            self._settled.set()
        return began


async def _kills(outcome: Outcome) -> None:
    """Run the command of the plan, again and again, until cancelled."""
    while True:
        await asyncio.sleep(outcome.plan.every)
        process = await asyncio.create_subprocess_shell(outcome.plan.kill, stdout=asyncio.subprocess.DEVNULL)
        if await process.wait():
            outcome.errors["kill failed"] += 1
        outcome.kills += 1


async def _each_second(show: Callable[[], None]) -> None:
    while True:
        show()
        await asyncio.sleep(1)
