"""Recent answers: how many commands a pod has answered of late, and within what time almost all of them."""

from collections import deque
from collections.abc import Callable
from math import ceil
from time import monotonic

from callplane.store.leases import PodSaid

WINDOW_SECONDS = 10.0
MOST = 2000
"""Kept at most: where more come within the window, it is as much shorter."""


class RecentAnswers:
    """The commands of the last seconds; told each second, beside the pod's lease."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._began = now()
        self._answers: deque[tuple[float, float]] = deque(maxlen=MOST)
        """When each had its outcome, and after how many seconds; the oldest first."""

    def add(self, seconds: float) -> None:
        """One has its outcome, whichever it is."""
        self._answers.append((self._now(), seconds))

    def told(self) -> PodSaid:
        """As of now."""
        now = self._now()
        while self._answers and now - self._answers[0][0] > WINDOW_SECONDS:
            self._answers.popleft()
        times = sorted(seconds for _, seconds in self._answers)
        span = min(WINDOW_SECONDS, now - self._began)
        if len(times) == MOST:
            span = now - self._answers[0][0]
        slowest = times[ceil(len(times) * 0.99) - 1] * 1000 if times else None
        return PodSaid(
            commands_per_second=round(len(times) / max(span, 1.0), 2),
            p99_ms=None if slowest is None else round(slowest, 1),
        )
