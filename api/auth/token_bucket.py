"""Token bucket: bounds how often something may happen, with room for what comes in bursts."""

from dataclasses import dataclass


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
