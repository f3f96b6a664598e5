"""Command telemetry: lines, counts, times by stage, and spans, in one place around the handling of each."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import cache
from time import perf_counter
from typing import TypeVar

from opentelemetry.trace import SpanKind, get_current_span
from prometheus_client import Counter, Gauge

from callplane.contracts.commands import Envelope, Join, JoinHidden
from callplane.contracts.errors import Busy, Refusal, Trouble, Unavailable
from callplane.contracts.ids import participant_made_by
from callplane.telemetry.logs import log_context, logger
from callplane.telemetry.metrics import Metrics
from callplane.telemetry.stages import stages
from callplane.telemetry.traces import Traces, is_recorded, span, trace_id, traceparent

T = TypeVar("T")

_AGAIN = "callplane_wrapper_commands_again_total"


class CommandWatch:
    """Watches the commands of one wrapper; ``now`` is database time, in which their age is told."""

    def __init__(
        self,
        metrics: Metrics | None = None,
        traces: Traces | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        made = metrics or Metrics()
        self._traces = traces or Traces()
        self._now = now
        self._log = logger("commands").bind()
        seconds = made.histogram(
            "callplane_wrapper_command_seconds",
            "Time that one attempt at a command took, by how it ended",
            ("command", "outcome"),
        )
        stages_ = made.histogram(
            "callplane_wrapper_command_stage_seconds",
            "Where the time of one attempt went: queue (from the request to here), store, broker, kurento",
            ("command", "stage"),
        )
        # Kept by their labels: to find one again by them costs as much as to count.
        self._seconds, self._stages = cache(seconds.labels), cache(stages_.labels)
        registry = made.registry
        self._running = Gauge("callplane_wrapper_commands_running", "Commands that are handled now", registry=registry)
        self._paused = Gauge(
            "callplane_wrapper_paused", "1 while it takes no commands, for its database is away", registry=registry
        )
        self._again = Counter(
            _AGAIN,
            "Commands put back: redelivered (its wrapper died), trouble, busy (somebody else is at it), away, returned",
            ["why"],
            registry=registry,
        )
        self._buried = Counter(
            "callplane_wrapper_dead_letters_total",
            "Commands given up: attempts (the last one failed), bug, unreadable",
            ["why"],
            registry=registry,
        )
        for why in ("redelivered", "trouble", "busy", "elsewhere", "away", "returned"):
            self._again.labels(why)
        for why in ("attempts", "bug", "unreadable"):
            self._buried.labels(why)

    @contextmanager
    def handling(self, envelope: Envelope) -> Iterator[None]:
        """Around everything that is done about one delivery of a command."""
        with (
            self._traces.taken_up(envelope.traceparent),
            log_context(**about(envelope), request_id=envelope.request_id, trace_id=trace_id()),
            span(f"handle {envelope.name}", SpanKind.CONSUMER, command=envelope.id, session=envelope.session_id),
            self._running.track_inprogress(),
        ):
            yield

    async def attempt(self, envelope: Envelope, number: int, work: Awaitable[T]) -> T:
        """Time one attempt; what it raises tells its outcome, and is raised."""
        outcome, began = "done", perf_counter()
        waited = self._waited(envelope, number)
        with stages() as spent:
            try:
                return await work
            except BaseException as failure:
                outcome = _outcome(failure)
                raise
            finally:
                seconds = perf_counter() - began
                get_current_span().set_attribute("callplane.outcome", outcome)
                self._seconds(envelope.name, outcome).observe(seconds)
                told = {"queue": waited, **spent} if waited is not None else spent
                for name, part in told.items():
                    self._stages(envelope.name, name).observe(part)
                parts = {f"{name}_ms": round(part * 1000, 1) for name, part in told.items()}
                self._log.info("command", outcome=outcome, attempt=number, ms=round(seconds * 1000, 1), **parts)

    def again(self, why: str) -> None:
        """One was put back into its queue."""
        self._again.labels(why).inc()

    def buried(self, reason: str) -> None:
        """One was given up; what stands before the colon is counted by."""
        self._buried.labels(reason.partition(":")[0]).inc()

    def paused(self, *, on: bool) -> None:
        """Consuming stopped, or began again."""
        self._paused.set(on)

    def _waited(self, envelope: Envelope, number: int) -> float | None:
        """How old a command was when its first attempt began; later ones waited on purpose."""
        if envelope.sent_at is None or number > 1:
            return None
        return max(0.0, (self._now() - envelope.sent_at).total_seconds())


def about(envelope: Envelope) -> dict[str, str | None]:
    """The names under which lines tell of a command."""
    seat = getattr(envelope.body, "participant_id", None) or envelope.caller.participant_id
    if isinstance(envelope.body, JoinHidden):
        seat = participant_made_by(envelope.id)
    elif isinstance(envelope.body, Join):
        seat = envelope.body.participant_id or participant_made_by(envelope.id)
    return {
        "command": envelope.name,
        "command_id": envelope.id,
        "session_id": envelope.session_id,
        "participant_id": seat,
    }


def publishing(envelope: Envelope) -> AbstractContextManager[Envelope]:
    """Around handing a command to the broker; its value is the command with its place in the trace."""
    if not is_recorded():
        return nullcontext(_placed(envelope))
    return _recorded(envelope)


@contextmanager
def _recorded(envelope: Envelope) -> Iterator[Envelope]:
    with span(f"publish {envelope.name}", SpanKind.PRODUCER, command=envelope.id, session=envelope.session_id):
        yield _placed(envelope)


def _placed(envelope: Envelope) -> Envelope:
    place = traceparent()
    if place is None or place == envelope.traceparent:
        return envelope
    return envelope.model_copy(update={"traceparent": place})


def _outcome(failure: BaseException) -> str:
    match failure:
        case Refusal():
            return "refused"
        case Busy():
            return "busy"
        case Unavailable():
            return "away"
        case Trouble():
            return "trouble"
        case Exception():
            return "bug"
        case _:
            return "returned"
