"""WebSocket server: puts the parts together and listens (protocol 1)."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus

import structlog
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from mediaserver.events import Subscriptions
from mediaserver.media.engine import open_engine
from mediaserver.objects.factory import Factory
from mediaserver.objects.server_manager import ServerManager
from mediaserver.objects.table import ObjectTable
from mediaserver.resources import Resources
from mediaserver.rpc.cache import RequestCache
from mediaserver.rpc.connection import Connection
from mediaserver.rpc.dispatch import Dispatcher, DropConnection
from mediaserver.rpc.methods import Methods
from mediaserver.sessions import Sessions
from mediaserver.settings import Settings

log = structlog.get_logger(__name__)

LARGEST_MESSAGE = 32_000_000


@dataclass(frozen=True)
class Address:
    """Where the server can be reached."""

    port: int
    url: str


@asynccontextmanager
async def assemble(settings: Settings) -> AsyncIterator[Address]:
    """Run a media server until the block ends."""
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(open_engine(settings.media))
        subscriptions = Subscriptions()
        manager = ServerManager(subscriptions.raised, lambda: objects.pipelines())
        objects = ObjectTable(manager)
        sessions = Sessions(objects)
        subscriptions.serve(sessions)
        manager.list_sessions = sessions.known
        stack.callback(_release_all, objects)
        factory = Factory(subscriptions.raised, engine, Resources(settings.exception_limit))
        methods = Methods(objects, sessions, subscriptions, factory, str(uuid.uuid4()))
        server = _Server(settings, Dispatcher(methods, sessions, RequestCache(time.monotonic)), sessions)
        listening = await stack.enter_async_context(server.listen())
        collector = await stack.enter_async_context(asyncio.TaskGroup())
        task = collector.create_task(_collect(sessions, settings.gc_period))
        stack.callback(task.cancel)
        yield listening


def _release_all(objects: ObjectTable) -> None:
    for pipeline in objects.pipelines():
        objects.remove(pipeline)


async def _collect(sessions: Sessions, period: float) -> None:
    """Mark the bound sessions four times a period and end the unmarked once (protocol 6.2)."""
    while True:
        for _ in range(4):
            await asyncio.sleep(period / 4)
            _surely(sessions.keep_alive)
        _surely(sessions.collect)


def _surely(work: Callable[[], None]) -> None:
    """What goes wrong with one session must not end the server."""
    try:
        work()
    except Exception as bug:
        log.exception("collector failed", error=repr(bug))


class _Server:
    def __init__(self, settings: Settings, dispatcher: Dispatcher, sessions: Sessions) -> None:
        self._settings = settings
        self._dispatcher = dispatcher
        self._sessions = sessions
        self._open: set[Connection] = set()

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[Address]:
        """Accept connections until the block ends; then drop them as a dying Kurento does."""
        server = await serve(
            self._serve,
            self._settings.host,
            self._settings.port,
            process_request=_half_upgrade,
            # A browser says whose page asks, programs do not: no page on any site may command the server of its reader.
            origins=[None],
            max_size=LARGEST_MESSAGE,
            # Kurento never pings, never compresses and never waits long for a close (protocol 1.1, 1.3)
            compression=None,
            # pings are answered only while the socket is read, which stops when this many frames wait
            max_queue=256,
            ping_interval=None,
            close_timeout=0.2,
            server_header=None,
        )
        try:
            port = next(iter(server.sockets)).getsockname()[1]
            host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
            yield Address(port, f"ws://{host}:{port}/{self._settings.path}")
        finally:
            for connection in list(self._open):
                connection.abort()
            server.close()
            await server.wait_closed()

    async def _serve(self, socket: ServerConnection) -> None:
        target = socket.request.path if socket.request is not None else ""
        if target.split("?", 1)[0].removeprefix("/") != self._settings.path:
            await socket.close(1002, "Invalid path")
            return
        connection = Connection(socket)
        self._open.add(connection)
        try:
            await connection.run(self._dispatcher.answer)
        except* DropConnection as dropped:
            log.info("connection dropped", reason=str(dropped.exceptions[0]))
            connection.abort()
        finally:
            self._open.discard(connection)
            self._sessions.unbind(connection)


def _half_upgrade(connection: ServerConnection, request: Request) -> Response | None:
    """Answer 500 to an upgrade without a key or version: health checks rely on it (protocol 1.1)."""
    upgrading = request.headers.get("Upgrade", "").lower() == "websocket"
    whole = "Sec-WebSocket-Key" in request.headers and "Sec-WebSocket-Version" in request.headers
    if upgrading and not whole:
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        return Response(status.value, status.phrase, Headers([("Content-Length", "0"), ("Connection", "close")]))
    return None
