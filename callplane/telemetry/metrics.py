"""Metrics of every program: a registry per program, the same buckets, and the lag of its event loop."""

import asyncio
from collections.abc import Callable, Iterable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

__all__ = ["BUCKETS", "CONTENT_TYPE_LATEST", "Metrics"]

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds: from one round trip to the longest poll."""

LAG_SECONDS = 0.25
_LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """A registry of one program: two programs in one process must not share one."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._lag = self.histogram(
            "callplane_event_loop_lag_seconds",
            "How late the event loop was, asked four times a second",
            buckets=_LAG_BUCKETS,
        )
        self._loops = Counter(
            "callplane_loop_failures",
            "Loops of the program that met what they did not expect, and were begun again (a bug)",
            ["loop"],
            registry=self.registry,
        )
        self._unreadable = Counter(
            "callplane_unreadable_documents",
            "How often a document of MongoDB could not be read and was passed over",
            ["collection"],
            registry=self.registry,
        )
        self._published = Counter(
            "callplane_events_published",
            "Events published to the exchange `events`, repeats included",
            ["type"],
            registry=self.registry,
        )
        for collection in ("sessions", "connections", "attachments", "media_servers", "log"):
            self._unreadable.labels(collection)  # An alert sees no increase in what begins with its first count.

    def unreadable(self, collection: str) -> None:
        """A document was passed over."""
        self._unreadable.labels(collection).inc()

    def published(self, event_type: str) -> None:
        """An event was confirmed by the broker."""
        self._published.labels(event_type).inc()

    def loop_failed(self, loop: str) -> None:
        """A loop (``callplane.concurrency.forever``) is begun again."""
        self._loops.labels(loop).inc()

    def watch_hints(self, unsent: Callable[[], int]) -> None:
        """Ask at every scrape how many hints were dropped before they were sent."""
        self.registry.register(_HintsUnsent(unsent))

    def histogram(
        self, name: str, help_: str, labels: tuple[str, ...] = (), buckets: tuple[float, ...] = BUCKETS
    ) -> Histogram:
        """A histogram of this program; seconds, unless its name says otherwise."""
        return Histogram(name, help_, labels, buckets=buckets, registry=self.registry)

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)

    async def watch_loop(self, late: Callable[[float], None] = lambda _: None) -> None:
        """Measure until cancelled, and tell of each look: what is late here keeps everybody waiting."""
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + LAG_SECONDS
            await asyncio.sleep(LAG_SECONDS)
            lag = max(0.0, clock() - due)
            self._lag.observe(lag)
            late(lag)


class _HintsUnsent(Collector):
    """What a sender of hints counts by itself."""

    def __init__(self, unsent: Callable[[], int]) -> None:
        self._unsent = unsent

    def collect(self) -> Iterable[Metric]:
        """As it is now."""
        text = "Hints that were dropped here: the broker was away, blocked, or behind"
        return [CounterMetricFamily("callplane_hints_unsent", text, self._unsent())]
