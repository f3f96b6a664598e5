"""An OpenTelemetry collector of our own: takes spans over HTTP and keeps them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True)
class Span:
    """One finished span; ids are hexadecimal."""

    program: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, str]


@dataclass
class Collector:
    """What has come so far."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, enough: Callable[[list[Span]], bool], within: float = 15.0) -> list[Span]:
        """Wait for spans."""
        async with asyncio.timeout(within):
            while not enough(self.spans):
                self.changed.clear()
                await self.changed.wait()
        return self.spans

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take requests from one connection until it ends."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                lengths = [line for line in head.splitlines() if line.lower().startswith("content-length:")]
                body = await reader.readexactly(int(lengths[0].partition(":")[2]))
                assert head.startswith("POST /v1/traces "), head
                self.spans += _read(body)
                self.changed.set()
                writer.write(_HEAD.encode())
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


def _read(body: bytes) -> list[Span]:
    found = []
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        about = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                attributes = {pair.key: pair.value.string_value for pair in span.attributes}
                ids = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
                found.append(Span(about["service.name"], span.name, *ids, attributes))
    return found


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    """A collector for the block."""
    made = Collector()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    async with server:
        made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield made
