"""Uvicorn inside our own process: our signals, our drain, and a problem body even for what is no HTTP."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.problems import MEDIA_TYPE, body_of
from callplane.contracts.errors import Problem
from callplane.contracts.ids import new_id

BACKLOG = 2048
SHUTDOWN = 2


class _Http(HttpToolsProtocol):
    """Answers unreadable HTTP with a problem body, and does not log it: anybody can send it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = logging.getLogger("callplane.api.http")
        self.logger.setLevel(logging.ERROR)

    def send_400_response(self, msg: str) -> None:
        """The last answer on a connection whose bytes are no HTTP."""
        request_id = new_id()
        scope = {"path": "", "callplane.request_id": request_id}
        body = json.dumps(body_of(Problem(code="bad-request", detail=msg), scope)).encode()
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
            f"x-request-id: {request_id}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


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
async def listening(asgi: ASGIApp, sock: socket.socket) -> AsyncIterator[str]:
    """Serve ``asgi`` on a bound socket; yields the base URL."""
    host, port = sock.getsockname()[:2]
    config = uvicorn.Config(
        asgi,
        http=_Http,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=75,
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


def bound(host: str, port: int) -> socket.socket:
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
