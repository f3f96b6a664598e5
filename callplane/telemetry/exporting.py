"""Trace exporter: sends spans to an OpenTelemetry collector, where a program's settings name one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from callplane.telemetry.traces import Traces

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

OTLP_PATTERN = r"^(https?://[^\s/]+(/\S*)?)?$"
"""What a setting that names a collector looks like."""

LAST_SECONDS = 1
EVERY_MS = 1000


@asynccontextmanager
async def exported(endpoint: str, program: str, share: float = 1.0) -> AsyncIterator[Traces]:
    """Record for the block and send by OTLP over HTTP; an empty endpoint records nothing.

    ``share`` of the traces is recorded, the same ones by every program, for the choice is made by their ids.
    """
    if not endpoint:
        yield Traces()
        return
    provider = _provider(endpoint, program, share)
    try:
        yield Traces(provider.get_tracer("callplane"))
    finally:
        # In a thread, for it waits for the collector; no longer than a drain has time for.
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * LAST_SECONDS):
                await asyncio.to_thread(provider.shutdown)


def _provider(endpoint: str, program: str, share: float) -> "TracerProvider":
    # Half a second and 20 MB, for those who trace.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

    resource = Resource.create({"service.name": f"callplane-{program}"})
    provider = TracerProvider(TraceIdRatioBased(share), resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=LAST_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=EVERY_MS))
    return provider
