"""Takes deliveries in: how many run at once, how the wrapper pauses, and how it drains. The same on both buses."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from callplane.bus.consuming.delivery import RawDelivery, Settlement
from callplane.bus.consuming.outcomes import OutcomePolicy
from callplane.bus.ports import Work
from callplane.concurrency import pause_unless, single_exception, until_done
from callplane.telemetry.failures import frames, words
from callplane.telemetry.logs import logger

log = logger("bus")


@dataclass(frozen=True, slots=True)
class ConsumerLimits:
    """How a wrapper works through commands: seconds, and how many at once.

    An attempt ends before a claim of the same age may be taken over (``callplane.store.connections``, 15 s).
    """

    at_once: int = 64
    attempt_limit: float = 14.0
    health_interval: float = 1.0
    drain_limit: float = 1.0
    return_limit: float = 0.3


class Consumers(Protocol):
    """The consumers that feed an intake, all opened and closed together."""

    async def open(self) -> None:
        """Consume (again) everything that is listened to."""
        ...

    async def close(self) -> None:
        """Cancel every consumer; back when nothing more can arrive. Never raises."""
        ...


class WorkerPool:
    """Runs a bounded number of deliveries at once; the others wait here, not begun, in the order of arrival.

    What waits is bounded by the consumers' prefetch counts.
    """

    def __init__(self, work: Work, desk: Settlement, taps: Consumers, pace: ConsumerLimits) -> None:
        self._desk = desk
        self._judge = OutcomePolicy(desk, work, self.pause_if_ill, pace.attempt_limit)
        self._watch = work.watch
        self._healthy = work.healthy
        self._taps = taps
        self._pace = pace
        self._waiting: deque[RawDelivery] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._asides: set[asyncio.Task[None]] = set()
        self._tasks = asyncio.TaskGroup()
        self._closing = asyncio.Lock()
        self._asking = asyncio.Lock()
        self._well_at = float("-inf")
        self._paused = False
        self._draining = asyncio.Event()
        self._over = False

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        """Take deliveries for as long as the block runs; drain at its end, unless it failed."""
        with single_exception():
            async with self._tasks:
                try:
                    yield
                    await self.drain()
                finally:
                    self._over = True
                    for task in (*self._asides, *self._running):
                        task.cancel()

    def aside(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the deliveries; cancelled when the intake ends, and not begun after."""
        if self._over:
            work.close()
            return
        task = self._tasks.create_task(self._alone(work))
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)

    async def _alone(self, work: Coroutine[Any, Any, None]) -> None:
        """What one queue or one delivery has brought about costs the others nothing."""
        try:
            await work
        except Exception as failure:
            log.error("work on a queue failed", why=words(failure), frames=frames(failure))

    def arrived(self, received: RawDelivery) -> None:
        """Take one delivery: run it now, later, or, when paused or draining, return it.

        One that comes too late for that is redelivered by the broker when the connection ends.
        """
        if self._over:
            return
        if self._paused or self._draining.is_set():
            self._start(self._give_back(received))
        elif len(self._running) < self._pace.at_once:
            self._start(self._settle(received))
        else:
            self._waiting.append(received)

    async def pause_if_ill(self) -> bool:
        """Pause unless the wrapper is found healthy; whether it is paused, or ends. All who ask at once ask once."""
        if not await self._is_well():
            await self.pause()
        return self._paused or self._draining.is_set()

    async def _is_well(self) -> bool:
        clock = asyncio.get_running_loop().time
        async with self._asking:
            if self._paused or self._draining.is_set():
                return False
            if clock() - self._well_at > self._pace.health_interval and await self._is_healthy():
                self._well_at = clock()
            return clock() - self._well_at <= self._pace.health_interval

    async def pause(self) -> None:
        """Stop consuming and return what waits; consuming begins again when the wrapper is healthy."""
        first = not self._paused
        self._paused = True
        async with self._closing:
            await self._taps.close()
        self._return_waiting()
        if first and not self._draining.is_set():
            log.warning("consuming paused")
            self._watch.paused(on=True)
            self.aside(self._resume())

    async def drain(self) -> None:
        """Stop for good within the limits of the pace: finish what runs, return what waits or takes too long."""
        self._draining.set()
        loop = asyncio.get_running_loop()
        end = loop.time() + self._pace.drain_limit
        # What runs goes on meanwhile.
        with suppress(TimeoutError):
            async with asyncio.timeout_at(end), self._closing:
                await self._taps.close()
        self._return_waiting()
        if self._running:
            await asyncio.wait(self._running, timeout=max(end - loop.time(), self._pace.return_limit))
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=self._pace.return_limit)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._tasks.create_task(self._alone(work))
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._waiting and not self._paused and not self._draining.is_set():
            self._start(self._settle(self._waiting.popleft()))

    def _return_waiting(self) -> None:
        while self._waiting:
            self._start(self._give_back(self._waiting.popleft()))

    async def _settle(self, received: RawDelivery) -> None:
        if self._desk.lost(received):
            return
        try:
            await self._judge.settle(received)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._draining.is_set() or task is None or task.uncancel():
                raise
            await self._give_back(received)
        except Exception as failure:
            # Not the handler's, which the judge takes care of: the desk's. The broker has it still, and a queue would
            # wait for its acknowledgement for ever.
            log.error("delivery not settled", queue=received.queue, why=words(failure), frames=frames(failure))
            await asyncio.sleep(self._pace.health_interval)
            await self._desk.refuse(received)

    async def _give_back(self, received: RawDelivery) -> None:
        # What cannot be returned in time is redelivered by the broker when the connection ends.
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pace.return_limit if self._draining.is_set() else None):
                await self._judge.give_back(received)

    async def _resume(self) -> None:
        while True:
            if await pause_unless(self._draining, self._pace.health_interval):
                return
            if await self._is_healthy():
                break
        self._paused = False
        async with self._closing:
            if not self._paused and not self._draining.is_set():
                await until_done("consuming again", self._taps.open)
        log.warning("consuming resumed")
        self._watch.paused(on=False)

    async def _is_healthy(self) -> bool:
        try:
            async with asyncio.timeout(self._pace.attempt_limit):
                return await self._healthy()
        except Exception as failure:  # whatever it is, the next second asks again
            log.warning("not healthy", why=words(failure))
            return False
