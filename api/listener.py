"""Uvicorn inside our own process: our signals, our drain, and a problem body even for what is no HTTP."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from api.outlet import ABORT
from api.problems import MEDIA_TYPE, body_of
from callplane.contracts.errors import Problem
from callplane.contracts.ids import new_id

BACKLOG = 2048
SHUTDOWN = 2
FRAME_BYTES = 4096
"""The longest frame of a client, which only ever says ``{"ack": token}``."""

PING_SECONDS = 10.0
CLOSE_WITHIN = 1.0
"""How long a client may take to answer a close frame."""


class _Http(HttpToolsProtocol):
    """Answers unreadable HTTP with a problem body, and does not log it: anybody can send it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = logging.getLogger("callplane.api.http")
        self.logger.setLevel(logging.ERROR)

    def on_message_begin(self) -> None:
        """Let a stream drop a client that does not read."""
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"call": self.transport.abort}}

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


class _Socket(WebSocketsSansIOProtocol):
    """Logs nothing: uvicorn's lines hold the query, in which tickets travel, and what clients do wrong is theirs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = self.conn.logger = logging.getLogger("callplane.api.socket")
        self.logger.setLevel(logging.CRITICAL)
        self.close_timeout = CLOSE_WITHIN

    def handle_connect(self, event: Request) -> None:
        """Let the program drop a client that does not read; its task has not begun yet."""
        super().handle_connect(event)
        if self.response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self.scope["extensions"][ABORT] = {"call": self.transport.abort}


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
