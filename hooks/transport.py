"""HTTP transport of webhooks: a name is resolved once, and the connection is made to the very address that was judged.

Host and SNI stay the name, so certificates are checked against it. A client that resolves again when it connects can be
given another address then (DNS rebinding).
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address

import httpcore
import httpx
from httpcore import AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream

from callplane.contracts.webhooks import Hosts, may_connect

CONNECTIONS = 256
KEPT_SECONDS = 20.0
LOOKUPS = 64
"""Threads that look names up: one whose server is silent holds its own for seconds, and nobody else's."""


class ForbiddenAddress(Exception):
    """The name leads to where webhooks may not be sent."""


class JudgedBackend(AsyncNetworkBackend):
    """Connects to public addresses, and where settings allow to others."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._backend = AnyIOBackend()
        self._lookups = ThreadPoolExecutor(LOOKUPS, thread_name_prefix="lookup")

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Resolve, judge every address, connect to the first."""
        async with asyncio.timeout(timeout):
            addresses = await self._resolved(host, port)
        # One that is forbidden among others is how a rebinding begins: none of them is taken then.
        if not addresses or not all(may_connect(address, self._hosts) for address in addresses):
            raise ForbiddenAddress
        return await self._backend.connect_tcp(str(addresses[0]), port, timeout, local_address, socket_options)

    async def connect_unix_socket(self, *_args: object, **_more: object) -> AsyncNetworkStream:
        """Never."""
        raise ForbiddenAddress

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def _resolved(self, host: str, port: int) -> list[IPv4Address | IPv6Address]:
        """All that the name stands for, the preferred first. Raises OSError."""
        lookup = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._lookups, lookup)
        return [ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found]

    def close(self) -> None:
        """Wait for no lookup."""
        self._lookups.shutdown(wait=False, cancel_futures=True)


class _Stream(httpx.AsyncByteStream):
    """The body of an answer."""

    def __init__(self, stream: object) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:  # type: ignore[attr-defined]
            yield part

    async def aclose(self) -> None:
        """Give the connection up, or back when all was read."""
        await self._stream.aclose()  # type: ignore[attr-defined]


class JudgedTransport(httpx.AsyncBaseTransport):
    """A pool of connections, each to an address that was judged when it was made."""

    def __init__(self, hosts: Hosts, context: ssl.SSLContext) -> None:
        self._backend = JudgedBackend(hosts)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=CONNECTIONS,
            max_keepalive_connections=CONNECTIONS,
            keepalive_expiry=KEPT_SECONDS,
            network_backend=self._backend,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request; no redirect is followed and nothing tried again here."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        asked = httpcore.Request(
            request.method, url, headers=request.headers.raw, content=request.stream, extensions=request.extensions
        )
        answer = await self._pool.handle_async_request(asked)
        return httpx.Response(answer.status, headers=answer.headers, stream=_Stream(answer.stream))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()
        self._backend.close()
