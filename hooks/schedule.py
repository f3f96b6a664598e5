"""Backoff schedule: when a failed delivery is sent again, and when it is given up."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

FACTOR = 4
JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Schedule:
    """Seconds from the first pause to the longest, four times as long each time, until ``give_up`` is over."""

    first: float = 5.0
    longest: float = 86_400.0
    give_up: float = 259_200.0

    def pause(self, failures: int, jitter: Callable[[], float] = random.random) -> float:
        """After so many failures in a row, the first is 1; a fifth more or less, so that all do not come at once."""
        steps = min(failures - 1, 30)
        spread = 1 + JITTER * (2 * jitter() - 1)
        return float(min(self.longest, max(self.first, self.first * FACTOR**steps * spread)))

    def is_over(self, since: datetime, now: datetime) -> bool:
        """Whether what was due then, and failed once more, is given up."""
        return now - since >= timedelta(seconds=self.give_up)
