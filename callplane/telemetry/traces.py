"""Traces: from the browser's request to the call on a media server (W3C Trace Context, OpenTelemetry).

Who records travels in the context beside the ids, so that two programs in one process record each for itself, and
without an exporter only the ids travel.
"""

import random
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from opentelemetry import context, trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.trace.status import Status, StatusCode
from opentelemetry.util.types import AttributeValue

_TRACER = context.create_key("callplane-tracer")
_FORMAT = TraceContextTextMapPropagator()


class Traces:
    """The recorder of one program; without a tracer it records nothing, and the ids pass through it."""

    def __init__(self, tracer: Tracer | None = None) -> None:
        self._tracer = tracer

    def taken_up(self, traceparent: str | None) -> AbstractContextManager[None]:
        """Go on with the trace that a request or command brought, for the block; a new one where it brought none."""
        here = _FORMAT.extract({"traceparent": traceparent}, context.Context()) if traceparent else context.Context()
        if self._tracer is not None:
            here = context.set_value(_TRACER, self._tracer, here)
        elif not traceparent or not trace.get_current_span(here).get_span_context().is_valid:
            here = trace.set_span_in_context(NonRecordingSpan(_ids()), here)
        return _Attached(here)


class _Attached:
    """A context for a block."""

    __slots__ = ("_context", "_token")

    def __init__(self, here: context.Context) -> None:
        self._context = here

    def __enter__(self) -> None:
        self._token = context.attach(self._context)

    def __exit__(self, *_raised: object) -> None:
        context.detach(self._token)


def span(
    name: str, kind: SpanKind = SpanKind.INTERNAL, **attributes: AttributeValue | None
) -> AbstractContextManager[trace.Span | None]:
    """Record the block as a part of the present trace, if somebody records it.

    Of what fails in it only the type is kept: the text of an exception may quote what a caller sent.
    """
    tracer = context.get_value(_TRACER)
    return _recorded(tracer, name, kind, attributes) if isinstance(tracer, Tracer) else nullcontext()


@contextmanager
def _recorded(
    tracer: Tracer, name: str, kind: SpanKind, attributes: Mapping[str, AttributeValue | None]
) -> Iterator[trace.Span]:
    given = {f"callplane.{key}": value for key, value in attributes.items() if value is not None}
    with tracer.start_as_current_span(
        name, kind=kind, attributes=given, record_exception=False, set_status_on_exception=False
    ) as made:
        try:
            yield made
        except BaseException as failure:
            made.set_status(Status(StatusCode.ERROR, type(failure).__name__))
            raise


def is_recorded() -> bool:
    """Whether somebody records what is done now."""
    return isinstance(context.get_value(_TRACER), Tracer)


def traceparent() -> str | None:
    """The present place in the trace, as the next one is told it; None outside of any trace."""
    ids = trace.get_current_span().get_span_context()
    return f"00-{ids.trace_id:032x}-{ids.span_id:016x}-{ids.trace_flags:02x}" if ids.is_valid else None


def trace_id() -> str | None:
    """The id of the present trace."""
    ids = trace.get_current_span().get_span_context()
    return trace.format_trace_id(ids.trace_id) if ids.is_valid else None


def _ids() -> SpanContext:
    """Ids of a trace that nobody records; all zeros is no id, and has a chance of one in 2^64."""
    return SpanContext(random.getrandbits(128) or 1, random.getrandbits(64) or 1, is_remote=False)
