"""Token bucket: bounds how often something may happen, with room for what comes in bursts."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

SECONDS_AT_ONCE = 10
"""What a caller may ask for in that many seconds, it may ask for at once: joining a full room is a burst."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a second for long, so many at once; a rate of 0 is no bound."""

    per_second: float
    burst: float


@dataclass(slots=True)
class Bucket:
    """What one caller has left of one rate; a new one is full."""

    spent: float = 0.0
    at: float = 0.0

    def take(self, rate: Rate, now: float, cost: float = 1) -> float:
        """Take so many; 0 when there were enough, else the seconds until there will be."""
        if rate.per_second <= 0:
            return 0.0
        # Counted as spent, not as left: so a bucket needs to know no rate to be full.
        self.spent = max(0.0, self.spent - (now - self.at) * rate.per_second)
        self.at = now
        cost = min(cost, rate.burst)  # what is more than a full bucket holds would never be allowed
        if self.spent + cost > rate.burst:
            return (self.spent + cost - rate.burst) / rate.per_second
        self.spent += cost
        return 0.0


class Buckets:
    """So many buckets; the one that was used longest ago makes room."""

    def __init__(self, clock: Callable[[], float], most: int) -> None:
        self._clock = clock
        self._most = most
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, name: str, rate: Rate, cost: float = 1) -> float:
        """Take so many; the seconds to wait when there are not enough."""
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = Bucket()
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(name)
        return bucket.take(rate, self._clock(), cost)

    def __len__(self) -> int:
        return len(self._buckets)
