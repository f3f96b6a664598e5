"""Probes answer what Kubernetes and Prometheus ask, and nothing makes them fall over."""

import asyncio

from callplane.probes import REQUEST_BYTES, probes
from wrapper.monitoring.metrics import Metrics


async def asked(port: int, request: bytes) -> bytes:
    """The whole answer to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def get(path: str, method: str = "GET") -> bytes:
    """A request."""
    return f"{method} {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode()


async def test_ready_is_what_the_program_says_and_alive_is_always() -> None:
    ready = False
    async with probes("127.0.0.1", 0, lambda: ready, Metrics().text) as port:
        assert (await asked(port, get("/readyz"))).startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert (await asked(port, get("/livez"))).startswith(b"HTTP/1.1 200 OK\r\n")
        ready = True
        assert (await asked(port, get("/readyz?verbose"))).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_metrics_are_in_the_text_format() -> None:
    async with probes("127.0.0.1", 0, lambda: True, Metrics().text) as port:
        head, _, body = (await asked(port, get("/metrics"))).partition(b"\r\n\r\n")
        assert b"text/plain; version=" in head
        assert f"Content-Length: {len(body)}".encode() in head
        assert b"# HELP callplane_event_loop_lag_seconds" in body


async def test_other_paths_and_methods_are_refused() -> None:
    async with probes("127.0.0.1", 0, lambda: True, Metrics().text) as port:
        assert (await asked(port, get("/"))).startswith(b"HTTP/1.1 404 ")
        assert (await asked(port, get("/livez", "POST"))).startswith(b"HTTP/1.1 405 ")


async def test_what_is_no_request_ends_its_connection_alone() -> None:
    async with probes("127.0.0.1", 0, lambda: True, Metrics().text) as port:
        assert await asked(port, b"x" * (2 * REQUEST_BYTES)) == b""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /li")
        writer.close()
        await writer.wait_closed()
        assert await reader.read() == b""
        assert (await asked(port, get("/livez"))).startswith(b"HTTP/1.1 200 ")
