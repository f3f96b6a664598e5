"""Sampler of refusals: tells so many of each caller in a minute, and counts the others for the next that is told."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

TOLD_EACH = 10
"""Of one caller in one ``WINDOW_SECONDS``, on one pod."""
WINDOW_SECONDS = 60.0
CALLERS_KEPT = 2_000
"""Who is forgotten, because so many others came since, begins again."""


@dataclass(slots=True)
class _Caller:
    ends: float
    told: int = 0
    untold: int = 0
    """Since the last that was told, also of windows before."""


class RefusalSampler:
    """Whom is refused again and again is told of ten times a minute: the eleventh says nothing new."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._callers: OrderedDict[str, _Caller] = OrderedDict()

    def take(self, caller: str) -> int | None:
        """One more of this caller: how many were not told since the last that was; None: nor is this one."""
        now = self._clock()
        known = self._callers.get(caller)
        if known is None:
            known = self._callers[caller] = _Caller(now + WINDOW_SECONDS)
            if len(self._callers) > CALLERS_KEPT:
                self._callers.popitem(last=False)
        self._callers.move_to_end(caller)
        if now >= known.ends:
            known.ends, known.told = now + WINDOW_SECONDS, 0
        if known.told >= TOLD_EACH:
            known.untold += 1
            return None
        untold, known.untold = known.untold, 0
        known.told += 1
        return untold

    def put_back(self, caller: str, untold: int) -> None:
        """What was taken is not told after all: neither it nor what it would have counted."""
        if (known := self._callers.get(caller)) is not None:
            known.untold += untold + 1
