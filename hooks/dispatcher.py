"""Dispatcher of webhooks: finds lanes that are due, and has them worked on side by side, within bounds."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from callplane.concurrency import forever, pause_unless
from callplane.contracts.errors import Trouble, Unavailable
from callplane.store.decoding import Unreadable
from callplane.store.webhook_lanes import Lane, WebhookLanes
from callplane.telemetry.failures import frames, words
from callplane.telemetry.logs import logger
from hooks.bulkheads import Bulkheads
from hooks.metrics import Metrics

LOOK_SECONDS = 1.0
"""Until it looks for what became due, unless it is woken."""
PAUSE_SECONDS = 0.5
PAGE = 64

log = logger("hooks")


class Dispatcher:
    """One loop per process; other processes do the same beside it, and each lane is one's alone."""

    def __init__(
        self,
        lanes: WebhookLanes,
        work: Callable[[Lane], Coroutine[Any, Any, None]],
        bulkheads: Bulkheads,
        metrics: Metrics,
        at_once: int,
    ) -> None:
        self._lanes = lanes
        self._work = work
        self._bulkheads = bulkheads
        self._metrics = metrics
        self._at_once = at_once
        self._woken = asyncio.Event()
        self._under_way: set[str] = set()
        """Lanes that are worked on here."""
        self._draining = False

    def wake(self) -> None:
        """Something was stored, or is over: look at once."""
        self._woken.set()

    async def run(self) -> None:
        """Until it is cancelled, which ends what is under way as well."""
        async with asyncio.TaskGroup() as tasks:
            await forever("webhook lanes", partial(self._look, tasks), failed=self._metrics.loop_failed)

    async def drain(self, seconds: float) -> None:
        """Begin nothing more, and wait until what is under way is over, at most so long."""
        self._draining = True
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        while self._under_way and (left := end - clock()) > 0:
            self._woken.clear()
            await pause_unless(self._woken, left)

    async def _look(self, tasks: asyncio.TaskGroup) -> None:
        """Again and again. What it begins outlives a look that fails."""
        while True:
            self._woken.clear()
            try:
                begun = 0 if self._draining else await self._begin(tasks)
            except (Unavailable, Trouble) as trouble:
                log.warning("webhook lanes cannot be looked for", why=str(trouble))
                begun = 0
            if not begun:
                await pause_unless(self._woken, LOOK_SECONDS)

    async def _begin(self, tasks: asyncio.TaskGroup) -> int:
        """Start on lanes that are due, as many as there is room for; how many."""
        room = min(PAGE, self._at_once - self._bulkheads.total)
        begun = 0
        for lane in await self._lanes.due(room, self._bulkheads.full()) if room > 0 else ():
            if lane.id in self._under_way or not self._bulkheads.enter(lane.webhook_id):
                continue
            self._under_way.add(lane.id)
            tasks.create_task(self._one(lane))
            begun += 1
        self._metrics.holding(len(self._under_way))
        return begun

    async def _one(self, lane: Lane) -> None:
        """What one lane meets is that lane's: it is due again when its lease is over."""
        try:
            await self._work(lane)
        except (Unavailable, Trouble, Unreadable) as trouble:
            log.warning("a webhook lane is put off", lane=lane.id, why=str(trouble))
            await asyncio.sleep(PAUSE_SECONDS)
        except Exception as failure:  # a bug, of this lane's documents as like as not
            self._metrics.loop_failed("webhook lane")
            log.error("a webhook lane failed", lane=lane.id, why=words(failure), frames=frames(failure))
            await asyncio.sleep(PAUSE_SECONDS)
        finally:
            self._under_way.discard(lane.id)
            self._bulkheads.leave(lane.webhook_id)
            self._woken.set()
