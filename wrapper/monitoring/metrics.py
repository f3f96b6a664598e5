"""Metrics: what a wrapper counts, beside its commands (``callplane.telemetry.commands``)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic, perf_counter
from typing import Literal

from prometheus_client import Counter, Gauge

from callplane.store.change_stream import StreamEvent
from callplane.store.documents import SessionDocument
from callplane.telemetry import metrics
from wrapper.monitoring.statement import LastFailover

Ghost = Literal["seat", "connection", "object"]

_LAGS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_GAPS = (0.25, 0.5, 1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0, 300.0)


class Metrics(metrics.Metrics):
    """Failover, ghosts, the change stream, sweeps and calls on media servers; ``now`` is database time."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__()
        self._now = now
        self.last_failover = LastFailover()
        self._failover = self.histogram(
            "callplane_failover_seconds",
            "From media-lost to media-ready of one session (also when its media server was drained)",
            buckets=_GAPS,
        )
        self._ghosts = self._counter(
            "ghosts",
            "What was cleaned up behind somebody: seat (its grace was over), connection (its offer was abandoned), "
            "object (on a media server, and nothing referred to it)",
            "kind",
        )
        self._adopted = self._counter("connections_adopted", "Connections taken over from a wrapper that died or left")
        self._never = self._counter(
            "connections_never_connected", "Connections ended because no media could flow in the time that there is"
        )
        self._died = self._counter("wrappers_buried", "Leases of others that ran out, as this wrapper was first to see")
        self._sweeps = self._counter("sweeps_failed", "Sweeps put off (store or broker away) or failed (a bug)", "how")
        self._unreadable_events = self._counter(
            "events_unreadable", "Events that could not be read and are in no timeline"
        )
        self._reopened = self._counter("change_stream_reopened", "How often the change stream was opened again")
        self._stream_lag = self.histogram(
            "callplane_change_stream_lag_seconds", "Age of a change when it was heard of", buckets=_LAGS
        )
        self._calls = self.histogram(
            "callplane_kurento_call_seconds",
            "Time that a call on a media server took, by what it ended with",
            ("operation", "outcome"),
        )
        self._timeline_lag = self.histogram(
            "callplane_timeline_lag_seconds", "From an event to its being kept for the timeline of its session"
        )
        self._heard = monotonic()
        silent = Gauge(
            "callplane_change_stream_silent_seconds",
            "Since the change stream last answered; an answer without news comes twice a second",
            registry=self.registry,
        )
        silent.set_function(lambda: monotonic() - self._heard)
        for kind in ("seat", "connection", "object"):
            self._ghosts.labels(kind)
        for how in ("put-off", "failed"):
            self._sweeps.labels(how)

    def placed(self, session: SessionDocument) -> None:
        """A session got a pipeline; one that had lost its media still owes the placing that began then."""
        lost = [chore.first or chore.at for chore in session.chores if chore.do == "place" and "epoch" in chore.with_]
        if session.epoch > 1 and lost:
            now = self._now()
            seconds = max(0.0, (now - min(lost)).total_seconds())
            self._failover.observe(seconds)
            self.last_failover.placed(session.id, now, seconds)

    def ghost(self, kind: Ghost) -> None:
        """Something was left behind, and is cleaned up."""
        self._ghosts.labels(kind).inc()

    def adopted(self) -> None:
        """A connection has a living owner again."""
        self._adopted.inc()

    def never_connected(self) -> None:
        """A connection was ended that never came about."""
        self._never.inc()

    def died(self, wrappers: int) -> None:
        """So many leases were over."""
        self._died.inc(wrappers)

    def sweep_failed(self, how: Literal["put-off", "failed"]) -> None:
        """A sweep did not come to its end."""
        self._sweeps.labels(how).inc()

    def unreadable_event(self) -> None:
        """An event was passed over."""
        self._unreadable_events.inc()

    def stream_reopened(self) -> None:
        """The change stream broke off."""
        self._reopened.inc()

    def stream_said(self, seen: StreamEvent | None) -> None:
        """The change stream has answered."""
        self._heard = monotonic()
        if seen is not None and seen.at is not None:
            self._stream_lag.observe(max(0.0, (self._now() - seen.at).total_seconds()))

    def timeline_kept(self, happened: datetime) -> None:
        """An event of then is on a majority."""
        self._timeline_lag.observe(max(0.0, (self._now() - happened).total_seconds()))

    @contextmanager
    def kurento_call(self, operation: str) -> Iterator[None]:
        """Time one call; ``operation`` is one of those that our own code makes."""
        outcome, began = "done", perf_counter()
        try:
            yield
        except BaseException as failure:
            outcome = type(failure).__name__
            raise
        finally:
            self._calls.labels(operation, outcome).observe(perf_counter() - began)

    def _counter(self, name: str, help_: str, *labels: str) -> Counter:
        return Counter(f"callplane_{name}", help_, labels, registry=self.registry)
