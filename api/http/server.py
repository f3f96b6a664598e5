"""HTTP server: runs uvicorn inside our own process, with our signals, our drain, and our bounds."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from api.http.http11 import BoundedHttpProtocol, HttpLimits
from api.http.idle_connections import IdleConnections
from api.http.websocket_protocol import MESSAGE_BYTES, BoundedWebSocketProtocol

BACKLOG = 2048
CONNECTIONS = 10_000
DEFAULT = HttpLimits()
SHUTDOWN = 2
KEEP_ALIVE = 75
"""Seconds without a request: longer than nginx keeps a connection (60), so that it sends nothing into one that ends."""

PING_SECONDS = 10.0


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
    asgi: ASGIApp,
    sock: socket.socket,
    most: int = CONNECTIONS,
    bounds: HttpLimits = DEFAULT,
    sheds: Callable[[], bool] = lambda: False,
) -> AsyncIterator[str]:
    """Serve ``asgi`` on a bound socket, on ``most`` connections at a time; yields the base URL.

    ``sheds`` is asked whether one that is new is refused, for there is too much to do.
    """
    host, port = sock.getsockname()[:2]
    idle = IdleConnections(most, sheds)
    config = uvicorn.Config(
        asgi,
        http=partial(BoundedHttpProtocol, bounds, idle),  # type: ignore[arg-type]  # it wants a class, and calls it
        ws=BoundedWebSocketProtocol,
        ws_per_message_deflate=False,
        ws_max_size=MESSAGE_BYTES,
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
        serving = tasks.create_task(server.serve(sockets=[sock]))
        await server.listens.wait()
        try:
            yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        finally:
            server.should_exit = True
            # A block that was cancelled would have the group cancel it, and leave what is under way to the loop's end.
            await asyncio.wait((serving,))


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
