"""Items of a sweep: worked on some at a time, each with a deadline; what becomes of one is nothing to others."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, TypeVar

from callplane.concurrency import for_each
from callplane.contracts.errors import Busy, Refusal, Trouble, Unavailable
from callplane.telemetry.failures import frames, words
from callplane.telemetry.logs import logger
from wrapper.monitoring.metrics import Metrics

T = TypeVar("T")

AT_ONCE = 16
ITEM_SECONDS = 30.0


class Items:
    """Works on what one sweep finds, in rounds that may overlap: what is under way in one is left out by the next."""

    def __init__(self, sweep: str, metrics: Metrics, *, at_once: int = AT_ONCE, seconds: float = ITEM_SECONDS) -> None:
        self._sweep = sweep
        self._metrics = metrics
        self._at_once = at_once
        self._seconds = seconds
        self._under_way: set[str] = set()
        """Keys of what is worked on now, by whichever round."""
        self._log = logger("sweeps").bind(sweep=sweep)

    async def each(
        self,
        subjects: Mapping[Any, T],
        work: Callable[[T], Awaitable[object]],
        put_off: Callable[[T], Awaitable[None]] | None = None,
    ) -> None:
        """Work on all of them; one that fails is logged, counted and put off.

        Raises Unavailable when so many one after the other said so that it is not about them: the rest is left for
        later.
        """
        away = _InARow(self._at_once)

        async def one(key: Any) -> None:
            if key in self._under_way:
                return
            self._under_way.add(key)
            try:
                if not await self._one(key, work(subjects[key]), away) and put_off is not None:
                    await self._one(key, put_off(subjects[key]), _InARow(self._at_once))  # says nothing of the work
            finally:
                self._under_way.discard(key)
            if away.out is not None:
                raise away.out

        await for_each(one, [key for key in subjects if key not in self._under_way], limit=self._at_once)

    async def _one(self, key: str, work: Awaitable[object], away: "_InARow") -> bool:
        """Whether it came to its end."""
        try:
            async with asyncio.timeout(self._seconds):
                await work
        except Unavailable as failure:
            self._failed("put-off", key, failure)
            away.count(failure)
        except (Trouble, Busy, Refusal, TimeoutError) as failure:
            self._failed("put-off", key, failure)
        except Exception as failure:  # a bug, or a document that nobody can work on: about this item alone
            self._failed("failed", key, failure)
        else:
            away.end()
            return True
        return False

    def _failed(self, how: Literal["put-off", "failed"], key: str, failure: Exception) -> None:
        self._metrics.sweep_failed(how)
        if how == "failed":
            self._log.error("an item of a sweep failed", item=key, why=words(failure), frames=frames(failure))
        else:
            self._log.info("an item of a sweep is put off", item=key, why=words(failure))


class _InARow:
    """Counts how many have said Unavailable since one has not."""

    def __init__(self, enough: int) -> None:
        self.out: Unavailable | None = None
        self._enough = enough
        self._count = 0

    def count(self, away: Unavailable) -> None:
        self._count += 1
        if self._count >= self._enough:
            self.out = away

    def end(self) -> None:
        self._count = 0
