"""Metrics of the webhook program: attempts, what became of deliveries, and how long the oldest has waited."""

from datetime import datetime
from typing import Literal

from prometheus_client import Counter, Gauge

from callplane.telemetry import metrics

Settled = Literal["delivered", "failed", "dead"]


class Metrics(metrics.Metrics):
    """What operators look at; endpoints are no labels, for tenants make them."""

    def __init__(self) -> None:
        super().__init__()
        self._attempts = self.histogram(
            "callplane_webhook_attempt_seconds",
            "How long an attempt took, by what became of its delivery",
            ("outcome",),
        )
        self._stored = Counter(
            "callplane_webhook_deliveries_stored", "Deliveries stored, repeats included", registry=self.registry
        )
        self._disabled = Counter(
            "callplane_webhooks_disabled",
            "Endpoints that answered 410 and are sent nothing more",
            registry=self.registry,
        )
        self._unreadable_events = Counter(
            "callplane_webhook_events_unreadable",
            "Events that could not be read and were left out",
            registry=self.registry,
        )
        self._under_way = Gauge(
            "callplane_webhook_lanes_held", "Lanes that this process works on", registry=self.registry
        )
        self._oldest = Gauge(
            "callplane_webhook_oldest_seconds",
            "How long the lane that has waited the longest has had something to send without getting on",
            registry=self.registry,
        )
        self._waiting = Gauge(
            "callplane_queue_messages", "What waits in it: webhooks", ["queue"], registry=self.registry
        )
        for collection in ("webhooks", "webhook_deliveries", "webhook_lanes"):
            self._unreadable.labels(collection)
        for outcome in ("delivered", "failed", "dead"):
            self._attempts.labels(outcome)

    def attempted(self, outcome: Settled, seconds: float) -> None:
        """An attempt is over."""
        self._attempts.labels(outcome).observe(seconds)

    def stored(self, deliveries: int) -> None:
        """So many are stored."""
        self._stored.inc(deliveries)

    def disabled(self) -> None:
        """An endpoint is gone."""
        self._disabled.inc()

    def unreadable_event(self) -> None:
        """An event was left out."""
        self._unreadable_events.inc()

    def holding(self, lanes: int) -> None:
        """So many lanes are worked on."""
        self._under_way.set(lanes)

    def waiting(self, queue: str, events: int | None) -> None:
        """So many wait in the queue; None: nobody knows, and an old value would lie."""
        if events is None:
            self._waiting.clear()
        else:
            self._waiting.labels(queue).set(events)

    def oldest(self, since: datetime | None, now: datetime) -> None:
        """The lane that has waited the longest has since then."""
        self._oldest.set(0 if since is None else max(0.0, (now - since).total_seconds()))
