"""Worker pool: runs a bounded number of deliveries at once, pauses while the wrapper is ill, and drains."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVarTuple

from callplane.bus.consuming.delivery import RawDelivery, Settlement
from callplane.bus.consuming.outcomes import OutcomePolicy
from callplane.bus.ports import Work
from callplane.concurrency import pause_unless, single_exception, until_done
from callplane.telemetry.failures import frames, words
from callplane.telemetry.logs import logger

log = logger("bus")

A = TypeVarTuple("A")


@dataclass(frozen=True, slots=True)
class ConsumerLimits:
    """How a wrapper works through commands: seconds, and how many at once, which is its bulkhead.

    What has waited ``wait_limit`` while all of those hang is given back: another wrapper may be free.

    An attempt ends before a claim of the same age may be taken over (``callplane.store.connections``, 15 s).
    """

    at_once: int = 64
    attempt_limit: float = 14.0
    health_interval: float = 1.0
    drain_limit: float = 1.0
    return_limit: float = 0.3
    wait_limit: float = 0.5


class Consumers(Protocol):
    """The consumers that feed a worker pool, all opened and closed together."""

    async def open(self) -> None:
        """Consume (again) everything that is listened to."""
        ...

    async def close(self) -> None:
        """Cancel every consumer; back when nothing more can arrive. Never raises."""
        ...


class WorkerPool:
    """Runs a bounded number of deliveries at once; the others wait here, not begun. The same on both buses.

    What waits is bounded by the consumers' prefetch counts.
    """

    def __init__(self, work: Work, settlement: Settlement, consumers: Consumers, limits: ConsumerLimits) -> None:
        self._settlement = settlement
        self._policy = OutcomePolicy(settlement, work, self.pause_if_unhealthy, limits.attempt_limit)
        self._watch = work.watch
        self._healthy = work.healthy
        self._consumers = consumers
        self._limits = limits
        self._waiting: deque[tuple[float, RawDelivery]] = deque()
        """Deliveries that nobody has begun, in the order of arrival, each with when that was, in the loop's time."""
        self._returns_late = False
        """Whether somebody watches how long they wait."""
        self._running: set[asyncio.Task[None]] = set()
        """A task for each delivery that is worked on or given back; at most ``at_once`` of them work."""
        self._background: set[asyncio.Task[None]] = set()
        """Work beside deliveries: consuming again, and what a deleted queue brings about."""
        self._tasks = asyncio.TaskGroup()
        """The group of both."""
        self._toggling = asyncio.Lock()
        """Held while consumers are opened or closed: one after the other, or they would be half of each."""
        self._asking = asyncio.Lock()
        """Held while somebody asks whether the wrapper is healthy: all who ask at once ask once."""
        self._healthy_at = float("-inf")
        """The loop's time at which it was last found healthy."""
        self._paused = False
        """Whether consumers are closed, or about to be, until the wrapper is healthy again."""
        self._draining = asyncio.Event()
        """Set for good when it is to stop: nothing is begun after."""
        self._closed = False
        """Whether ``serve`` has ended: what comes now is left to the broker, which delivers it again."""

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        """Take deliveries for as long as the block runs; drain at its end, unless it failed."""
        with single_exception():
            async with self._tasks:
                try:
                    yield
                    await self.drain()
                finally:
                    self._closed = True
                    for task in (*self._background, *self._running):
                        task.cancel()

    def in_background(self, work: Callable[[*A], Coroutine[Any, Any, None]], *of: *A) -> None:
        """Run something beside the deliveries; cancelled when the pool ends, and not begun after."""
        if self._closed:
            return
        task = self._tasks.create_task(self._logged(work, *of))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _logged(self, work: Callable[[*A], Coroutine[Any, Any, None]], *of: *A) -> None:
        """What one queue or one delivery has brought about costs the others nothing."""
        try:
            await work(*of)
        except Exception as failure:
            log.error("work on a queue failed", why=words(failure), frames=frames(failure))

    def submit(self, received: RawDelivery) -> None:
        """Take one delivery: run it now, later, or, when paused or draining, return it.

        One that comes too late for that is redelivered by the broker when the connection ends.
        """
        if self._closed:
            return
        if self._paused or self._draining.is_set():
            self._start(self._give_back, received)
        elif len(self._running) < self._limits.at_once:
            self._start(self._settle, received)
        else:
            self._waiting.append((asyncio.get_running_loop().time(), received))
            if not self._returns_late:
                self._returns_late = True
                self.in_background(self._return_late)

    async def pause_if_unhealthy(self) -> bool:
        """Pause unless the wrapper is found healthy; whether it is paused, or ends. All who ask at once ask once."""
        if not await self._is_recently_healthy():
            await self.pause()
        return self._paused or self._draining.is_set()

    async def _is_recently_healthy(self) -> bool:
        clock = asyncio.get_running_loop().time
        async with self._asking:
            if self._paused or self._draining.is_set():
                return False
            if clock() - self._healthy_at > self._limits.health_interval and await self._is_healthy():
                self._healthy_at = clock()
            return clock() - self._healthy_at <= self._limits.health_interval

    async def pause(self) -> None:
        """Stop consuming and return what waits; consuming begins again when the wrapper is healthy."""
        first = not self._paused
        self._paused = True
        async with self._toggling:
            await self._consumers.close()
        self._return_waiting()
        if first and not self._draining.is_set():
            log.warning("consuming paused")
            self._watch.paused(on=True)
            self.in_background(self._resume)

    async def drain(self) -> None:
        """Stop for good within its limits: finish what runs, return what waits or takes too long."""
        self._draining.set()
        loop = asyncio.get_running_loop()
        end = loop.time() + self._limits.drain_limit
        # What runs goes on meanwhile.
        with suppress(TimeoutError):
            async with asyncio.timeout_at(end), self._toggling:
                await self._consumers.close()
        self._return_waiting()
        if self._running:
            await asyncio.wait(self._running, timeout=max(end - loop.time(), self._limits.return_limit))
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=self._limits.return_limit)

    def _start(self, work: Callable[[RawDelivery], Coroutine[Any, Any, None]], received: RawDelivery) -> None:
        task = self._tasks.create_task(self._logged(work, received))
        self._running.add(task)
        task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._paused or self._draining.is_set():
            return
        # Not one for each that ends: what is given back ends too, and leaves no slot.
        while self._waiting and len(self._running) < self._limits.at_once:
            self._start(self._settle, self._waiting.popleft()[1])

    def _return_waiting(self) -> None:
        while self._waiting:
            self._start(self._give_back, self._waiting.popleft()[1])

    async def _return_late(self) -> None:
        """Give back what has waited too long, for as long as anything waits: design 3.6."""
        clock = asyncio.get_running_loop().time
        try:
            while self._waiting:
                late = clock() - self._waiting[0][0] - self._limits.wait_limit
                if late >= 0:
                    self._start(self._give_back, self._waiting.popleft()[1])
                else:
                    await asyncio.sleep(-late)
        finally:
            self._returns_late = False

    async def _settle(self, received: RawDelivery) -> None:
        if self._settlement.is_lost(received):
            return
        try:
            await self._policy.settle(received)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._draining.is_set() or task is None or task.uncancel():
                raise
            await self._give_back(received)
        except Exception as failure:
            # Not the handler's, which the policy takes care of: the settlement's. The broker has it still, and a queue
            # would wait for its acknowledgement for ever.
            log.error("delivery not settled", queue=received.queue, why=words(failure), frames=frames(failure))
            await asyncio.sleep(self._limits.health_interval)
            await self._settlement.requeue(received)

    async def _give_back(self, received: RawDelivery) -> None:
        # What cannot be returned in time is redelivered by the broker when the connection ends.
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.return_limit if self._draining.is_set() else None):
                await self._policy.give_back(received)

    async def _resume(self) -> None:
        while True:
            if await pause_unless(self._draining, self._limits.health_interval):
                return
            if await self._is_healthy():
                break
        self._paused = False
        async with self._toggling:
            if not self._paused and not self._draining.is_set():
                await until_done("consuming again", self._consumers.open)
        log.warning("consuming resumed")
        self._watch.paused(on=False)

    async def _is_healthy(self) -> bool:
        try:
            async with asyncio.timeout(self._limits.attempt_limit):
                return await self._healthy()
        except Exception as failure:  # whatever it is, the next second asks again
            log.warning("not healthy", why=words(failure))
            return False
