"""HTTP server: runs uvicorn inside our own process, with our signals, our drain, and our bounds."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from http import HTTPStatus
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidMessage
from websockets.http11 import Request
from websockets.protocol import State

from api.http.http11 import BoundedHttpProtocol, HttpLimits, refusal
from api.http.idle_connections import IdleConnections
from api.http.outlets import OUTLET, Outlet
from api.http.slow_clients import ABORT
from callplane.contracts.errors import Code, Problem

BACKLOG = 2048
CONNECTIONS = 10_000
DEFAULT = HttpLimits()
SHUTDOWN = 2
KEEP_ALIVE = 75
"""Seconds without a request: longer than nginx keeps a connection (60), so that it sends nothing into one that ends."""

FRAME_BYTES = 4096
"""The longest frame of a client, which only ever says ``{"ack": token}``."""

PING_SECONDS = 10.0
CLOSE_WITHIN = 1.0
"""How long a client may take to answer a close frame."""


class _Socket(WebSocketsSansIOProtocol):
    """Logs nothing: uvicorn's lines hold the query, in which tickets travel, and what clients do wrong is theirs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = self.conn.logger = logging.getLogger("callplane.api.socket")
        self.logger.setLevel(logging.CRITICAL)
        self.close_timeout = CLOSE_WITHIN

    def data_received(self, data: bytes) -> None:
        """End it also before the handshake: the library takes shorter lines and fewer fields than a head may have."""
        super().data_received(data)
        broken = self.conn.handshake_exc
        if broken is not None and not self.handshake_initiated:
            code: Code = "bad-request" if isinstance(broken, InvalidMessage) else "head-too-large"
            self.transport.write(refusal(Problem(code=code, detail="This handshake of a WebSocket cannot be read.")))
            self.transport.close()

    def handle_connect(self, event: Request) -> None:
        """Let the program drop a client that does not read, and write to one that does; its task has not begun yet."""
        super().handle_connect(event)
        if self.response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self.scope["extensions"][ABORT] = {"call": self.transport.abort}
            self.scope["extensions"][OUTLET] = {"outlet": Outlet(self.transport, self._is_open)}

    def _is_open(self) -> bool:
        """Whether frames may be sent: the handshake is done, and no side has begun to close."""
        return self.handshake_complete and not self.close_sent and self.conn.state is State.OPEN


class _Server(uvicorn.Server):
    """Leaves signals to the program, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Do nothing: `__main__` and the command line have handlers of their own."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        self.listens.set()


@asynccontextmanager
async def serve_asgi(
    asgi: ASGIApp, sock: socket.socket, most: int = CONNECTIONS, bounds: HttpLimits = DEFAULT
) -> AsyncIterator[str]:
    """Serve ``asgi`` on a bound socket, on ``most`` connections at a time; yields the base URL."""
    host, port = sock.getsockname()[:2]
    idle = IdleConnections(most)
    config = uvicorn.Config(
        asgi,
        http=partial(BoundedHttpProtocol, bounds, idle),  # type: ignore[arg-type]  # it wants a class, and calls it
        ws=_Socket,
        ws_per_message_deflate=False,
        ws_max_size=FRAME_BYTES,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=SHUTDOWN,
    )
    server = _Server(config)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(sockets=[sock]))
        await server.listens.wait()
        try:
            yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        finally:
            server.should_exit = True


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes any free one. Raises OSError when the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host.strip("[]"), port))
    except OSError:
        sock.close()
        raise
    return sock
