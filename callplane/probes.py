"""Probes: serves ``/livez``, ``/readyz`` and ``/metrics`` of a program, on a few lines of HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from callplane.telemetry.metrics import CONTENT_TYPE_LATEST

REQUEST_SECONDS = 5.0
REQUEST_BYTES = 8192


@asynccontextmanager
async def probes(
    host: str, port: int, is_ready: Callable[[], bool], metrics: Callable[[], bytes]
) -> AsyncIterator[int]:
    """Serve while the block runs; yields the port. Ready is false only while starting or draining (design 8.4)."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_answer(head, is_ready(), metrics))
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, port, limit=REQUEST_BYTES)
    async with server:
        yield int(server.sockets[0].getsockname()[1])


def _answer(head: bytes, ready: bool, metrics: Callable[[], bytes]) -> bytes:
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if method not in (b"GET", b"HEAD"):
        return _response(405, b"method not allowed\n")
    match path:
        case b"/livez":
            return _response(200, b"alive\n")
        case b"/readyz":
            return _response(200, b"ready\n") if ready else _response(503, b"starting or draining\n")
        case b"/metrics":
            return _response(200, metrics(), CONTENT_TYPE_LATEST)
        case _:
            return _response(404, b"not found\n")


def _response(status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> bytes:
    reason = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}[status]
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    return head.encode() + b"\r\n" + body
