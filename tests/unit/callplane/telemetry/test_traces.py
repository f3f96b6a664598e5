"""Ids travel with and without a recorder; who records does it for its own program alone."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from callplane.telemetry.traces import Traces, span, trace_id, traceparent

GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE = "0af7651916cd43dd8448eb211c80319c"


def recorded() -> tuple[Traces, InMemorySpanExporter]:
    """Traces that are kept here."""
    kept, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    return Traces(provider.get_tracer("tests")), kept


def test_without_a_recorder_the_ids_pass_unchanged() -> None:
    with Traces().taken_up(GIVEN), span("x"):
        assert traceparent() == GIVEN
        assert trace_id() == TRACE
    assert (traceparent(), trace_id()) == (None, None)


@pytest.mark.parametrize(
    "given", [None, "", "x", "00-" + "0" * 32 + "-b7ad6b7169203331-01", "ff" + GIVEN[2:], GIVEN.upper()]
)
def test_who_brings_no_trace_gets_one(given: str | None) -> None:
    with Traces().taken_up(given):
        one = trace_id()
    with Traces().taken_up(given):
        assert one is not None
        assert trace_id() not in (None, one, TRACE)


def test_spans_hang_together_and_the_last_one_is_told_on() -> None:
    traces, kept = recorded()
    with traces.taken_up(GIVEN), span("outer", session="s", nothing=None), span("inner"):
        told = traceparent()
    inner, outer = kept.get_finished_spans()
    assert outer.parent is not None
    assert f"{outer.parent.span_id:016x}" == "b7ad6b7169203331"
    assert inner.parent is not None
    assert inner.parent.span_id == outer.context.span_id
    assert told == f"00-{TRACE}-{inner.context.span_id:016x}-01"
    assert dict(outer.attributes or {}) == {"callplane.session": "s"}


def test_of_a_failure_only_the_type_is_kept() -> None:
    traces, kept = recorded()
    with pytest.raises(ValueError, match="hush"), traces.taken_up(None), span("x"):
        raise ValueError("hush: v=0")
    (made,) = kept.get_finished_spans()
    assert made.status.description == "ValueError"
    assert not made.events


def test_a_program_that_does_not_record_ends_no_trace_of_another() -> None:
    traces, kept = recorded()
    with traces.taken_up(GIVEN), span("outer"):
        told = traceparent()
        with Traces().taken_up(told), span("in the other program"):
            assert traceparent() == told
    assert [made.name for made in kept.get_finished_spans()] == ["outer"]
