"""Metrics of the API, in a registry of its own."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.log.catch_up import FeedCounts
from api.mailboxes.pod import Counts
from api.overload import TIMES, Shed
from api.recent_answers import RecentAnswers
from callplane.contracts.quotas import Quotas
from callplane.contracts.registry import command_names
from callplane.telemetry import metrics

_HINT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS = frozenset({"GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"})


class Metrics(metrics.Metrics):
    """Requests by route and status, how long they and the commands took, and who waits for messages."""

    def __init__(self) -> None:
        super().__init__()
        self.recent = RecentAnswers()
        self._requests = Counter(
            "callplane_http_requests", "HTTP requests answered", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = self.histogram(
            "callplane_http_request_seconds", "Time to the end of the answer", ("method", "route", "status")
        )
        self._commands = self.histogram(
            "callplane_command_seconds",
            "Time from command to reply: done, refused, silent (nobody answered in time), failed",
            ("command", "outcome"),
        )
        self._stages = self.histogram(
            "callplane_command_stage_seconds",
            "Of that: broker (until RabbitMQ has it), reply (until the answer is here)",
            ("command", "stage"),
        )
        self._silent = Counter(
            "callplane_commands_timed_out",
            "Commands accepted whose outcome did not come in time",
            ["command"],
            registry=self.registry,
        )
        self._hint_lag = self.histogram(
            "callplane_hint_lag_seconds",
            "From when a record was sent to the log to its hint's coming here, by the database's time",
            buckets=_HINT_BUCKETS,
        )
        self._shed = Counter(
            "callplane_shed",
            "Refused as the pod's event loop was late: connections, volatile (signals), signals",
            ["what"],
            registry=self.registry,
        )
        self._refused_lost = Counter(
            "callplane_refused_requests_lost",
            "Refused requests of which servers are not told, for too many waited for the broker",
            registry=self.registry,
        )
        self._standing = Gauge(
            "callplane_event_loop_standing_lag_seconds",
            "How late the event loop was at least, at each of its last three looks; above CALLPLANE_SHED_LAG it sheds",
            registry=self.registry,
        )
        self._event_readers = Gauge(
            "callplane_event_readers", "Who reads the stream of events here now", registry=self.registry
        )
        self._places_gone = Counter(
            "callplane_event_places_gone",
            "Readers of the stream of events whose place in it was not kept any more",
            registry=self.registry,
        )
        self._quota_exceeded = Counter(
            "callplane_quota_exceeded",
            "Requests refused as a quota of their tenant or identity was used up",
            ["quota"],
            registry=self.registry,
        )
        self._answered: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        """The children of the first two by method, route and status: to look one up costs more than to count."""
        self._commanded: dict[tuple[str, str], Histogram] = {}
        """The same of the two below, by command and outcome, and by command and stage."""
        self._staged: dict[tuple[str, str], Histogram] = {}
        for quota in Quotas.model_fields:
            self._quota_exceeded.labels(quota)
        for what in TIMES:
            self._shed.labels(what)
        for command in command_names():
            self._silent.labels(command)  # An alert sees no increase in what begins with its first count.

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request is over; status 0 means that its client had left."""
        labels = (method if method in _METHODS else "other", route, status)
        children = self._answered.get(labels)
        if children is None:
            children = self._requests.labels(*labels), self._seconds.labels(*labels)
            self._answered[labels] = children
        requests, times = children
        requests.inc()
        times.observe(seconds)

    def commanded(self, command: str, outcome: str, seconds: float, spent: Mapping[str, float]) -> None:
        """One command has its outcome: ``done``, ``refused``, ``silent`` or ``failed``."""
        _child(self._commands, self._commanded, (command, outcome)).observe(seconds)
        self.recent.add(seconds)
        broker = spent.get("broker", 0.0)
        _child(self._stages, self._staged, (command, "broker")).observe(broker)
        if outcome in ("done", "refused"):
            _child(self._stages, self._staged, (command, "reply")).observe(max(0.0, seconds - broker))
        if outcome == "silent":
            self._silent.labels(command).inc()

    def hint_taken(self, lag: float) -> None:
        """A hint came, so many seconds after its record had been sent to the log."""
        self._hint_lag.observe(max(0.0, lag))

    def shed(self, what: Shed) -> None:
        """One was refused."""
        self._shed.labels(what).inc()

    def refused_lost(self) -> None:
        """One was given up: too many waited for the broker."""
        self._refused_lost.inc()

    def event_readers(self, now: int) -> None:
        """So many read."""
        self._event_readers.set(now)

    def event_place_gone(self) -> None:
        """One has lost its place, and perhaps events with it."""
        self._places_gone.inc()

    def quota_exceeded(self, quota: str) -> None:
        """A request was refused for this quota."""
        if quota in Quotas.model_fields:
            self._quota_exceeded.labels(quota).inc()

    def watch_overload(self, standing: Callable[[], float]) -> None:
        """Ask for this at every scrape."""
        self._standing.set_function(standing)

    def watch_mailboxes(self, counts: Callable[[], Counts]) -> None:
        """Ask for these at every scrape."""
        self.registry.register(_Mailboxes(counts))

    def watch_feeds(self, counts: Callable[[], FeedCounts]) -> None:
        """The same for logs that are followed."""
        self.registry.register(_Feeds(counts))


def _child(of: Histogram, known: dict[tuple[str, str], Histogram], labels: tuple[str, str]) -> Histogram:
    child = known.get(labels)
    if child is None:
        child = known[labels] = of.labels(*labels)
    return child


class _Feeds(Collector):
    """The logs that one pod follows."""

    def __init__(self, counts: Callable[[], FeedCounts]) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        """Each as a metric."""
        now = self._counts()
        return [
            _gauge("feeds", "Sessions whose logs this pod follows", now.feeds),
            _gauge("feed_ring_bytes", "Bytes of messages that it holds of them", now.ring_bytes),
            _gauge("reader_lag_entries", "Entries of logs that its slowest reader is behind", now.reader_lag),
            _counter("hints_received", "Hints of what was appended to logs", now.hints),
            _counter("hints_unreadable", "Hints that were none, and were dropped", now.unreadable),
            _counter("log_gaps_read", "Hints behind a gap, which was read from the database", now.gaps_read),
            _counter("logs_found_behind", "Logs that went on without a hint, found by looking", now.found_by_look),
            _counter("log_pages_read", "Pages of logs read for who was behind what is held", now.pages_read),
        ]


class _Mailboxes(Collector):
    """The mailboxes of one pod, as they are when somebody asks."""

    def __init__(self, counts: Callable[[], Counts]) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        """Each as a metric; the counters begin again with every new connection to the broker."""
        now = self._counts()
        return [
            _gauge("mailboxes_held", "Mailboxes that this pod reads for their participants", now.held),
            _gauge("polls_parked", "Polls that wait at mailboxes of this pod", now.parked),
            _gauge("polls_forwarding", "Polls that came here and wait at another pod", now.forwarding),
            _counter("mailboxes_taken_over", "Mailboxes taken that had another holder", now.taken_over),
            _counter("polls_forwarded", "Polls sent on to the pod that holds their mailbox", now.forwarded),
            _counter("messages_unreadable", "Publications in mailboxes that were no messages", now.unreadable),
        ]


def _gauge(name: str, help_: str, value: float) -> Metric:
    return GaugeMetricFamily(f"callplane_{name}", help_, value)


def _counter(name: str, help_: str, value: float) -> Metric:
    return CounterMetricFamily(f"callplane_{name}", help_, value)
