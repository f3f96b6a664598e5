"""Connection to one server: one WebSocket at a time, opened, greeted, watched, and opened again when it ends."""

import asyncio
import logging
import random
from collections.abc import Mapping
from typing import Any, Protocol

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from kurento_client.bounded_queue import BoundedQueue
from kurento_client.calls import Calls
from kurento_client.errors import ClientError, InvalidSession, NotConnected
from kurento_client.jsonrpc import Event, Response
from kurento_client.options import Options
from kurento_client.states import AttemptFailed, Connected, ConnectionChange, Lost
from kurento_client.websocket import NO_WAY, is_refusal, opened, watch


class EventSink(Protocol):
    """Takes what the reader reads; False when it has no room."""

    def __call__(self, event: Event, /) -> bool:
        """Take one event without waiting."""
        ...


class KurentoConnection:
    """The way to one server; `run` keeps it up until cancelled."""

    def __init__(self, url: str, options: Options, sink: EventSink) -> None:
        self.states: BoundedQueue[ConnectionChange] = BoundedQueue(options.state_limit)
        self.connected = asyncio.Event()
        self.server_id: str | None = None
        self._url = url
        self._options = options
        self._sink = sink
        self._calls = Calls()
        self._websocket: ClientConnection | None = None  # The greeted one, on which calls go; None between two.
        self._log = logging.getLogger(__name__)

    @property
    def session_id(self) -> str | None:
        """The Kurento session; it outlives the socket."""
        return self._calls.protocol.session_id

    async def call(
        self, method: str, params: Mapping[str, Any] | None = None, timeout: float | None = None
    ) -> Response:
        """Make one call on the present socket; NotConnected when there is none."""
        if self._websocket is None:
            raise NotConnected(f"{method}: no connection to {self._url}")
        limit = self._options.call_timeout if timeout is None else timeout
        async with self._options.slot():
            if self._websocket is None:  # by now
                raise NotConnected(f"{method}: no connection to {self._url}")
            with self._options.around(method, params):
                return await self._calls.call(self._websocket, method, params, limit)

    def forget_session(self) -> None:
        """Drop the session and the socket bound to it; the next one starts afresh.

        A bound connection would go on injecting the dead session into every call (protocol 2.2, 3.9).
        """
        self._calls.protocol.session_id = None
        if self._websocket is not None:
            self._websocket.transport.abort()

    async def run(self) -> None:
        """Open the socket, serve it, and begin again after its end, for ever."""
        clock = asyncio.get_running_loop().time
        since, failures = clock(), 0
        while True:
            began = clock()
            trouble = await self._connect_once()
            if trouble is None:
                since = clock()
            else:
                reason = f"{type(trouble).__name__}: {trouble}"
                self.states.push(AttemptFailed(is_refusal(trouble), since, clock() - since, reason))
            if trouble is None and clock() - began > self._options.ping_interval:
                # At once: a process that was killed is known by its refusal. One that outlived a ping counts as
                # good again, or a server that dies soon after an outage is missed for the outage's longest pause.
                failures = 0
            else:
                await asyncio.sleep(self._pause(failures))
                failures += 1

    async def _connect_once(self) -> Exception | None:
        """Open and serve one socket; return why it never came to calls, None when it did."""
        try:
            async with opened(self._url, self._options) as websocket:
                return await self._serve(websocket)
        except NO_WAY as trouble:
            return trouble

    async def _serve(self, websocket: ClientConnection) -> ClientError | None:
        """Greet, then read until the socket ends; return what spoilt the greeting."""
        try:
            async with asyncio.TaskGroup() as group:
                reader = group.create_task(self._read(websocket))
                watcher = group.create_task(watch(websocket, self._options))
                greeting = await self._greet(websocket)
                if isinstance(greeting, Connected):
                    self._announce(websocket, greeting)
                    await asyncio.wait([reader])
                websocket.transport.abort()
                watched = watcher.result() if watcher.done() else None
                watcher.cancel()
        finally:
            self._disconnected()
        if not isinstance(greeting, Connected):
            return greeting
        self.states.push(Lost(watched or reader.result()))
        return None

    def _announce(self, websocket: ClientConnection, greeting: Connected) -> None:
        self._websocket = websocket
        self.server_id = greeting.server_id
        self.states.push(greeting)
        self.connected.set()

    async def _greet(self, websocket: ClientConnection) -> Connected | ClientError:
        """Ask for the former session; where the server does not know it, for a new one (protocol 3.2)."""
        protocol, former = self._calls.protocol, self.session_id
        try:
            try:
                response = await self._calls.call(websocket, "connect", None, self._options.open_timeout)
            except InvalidSession:
                protocol.session_id = None
                response = await self._calls.call(websocket, "connect", None, self._options.open_timeout)
        except ClientError as trouble:
            return trouble
        server_id = response.result.get("serverId") if isinstance(response.result, Mapping) else None
        if not isinstance(server_id, str) or response.session_id is None:
            return ClientError("no Kurento: `connect` was answered without serverId or sessionId")
        same_process = server_id == self.server_id
        same_session = same_process and response.session_id == former
        return Connected(server_id, response.session_id, same_process, same_session)

    async def _read(self, websocket: ClientConnection) -> str:
        """Hand on what arrives, never waiting for anybody; return why it ended."""
        try:
            while True:
                if not self._receive(await websocket.recv()):
                    return "more events than their reader takes"
        except ConnectionClosed as closed:
            return str(closed)
        finally:
            self._disconnected()  # Whoever hears of the end finds no connection, and the greeting waits for no answer.

    def _receive(self, text: str | bytes) -> bool:
        """Hand on one frame; one that we cannot read, though we should, costs the calls of the others nothing."""
        try:
            return all([self._sink(event) for event in self._calls.receive(text)])
        except Exception:
            self._log.exception("a frame of %d characters could not be read", len(text))
            return True

    def _disconnected(self) -> None:
        self._websocket = None
        self.connected.clear()
        self._calls.lost()

    def _pause(self, failures: int) -> float:
        longest = min(self._options.backoff_first * 2.0 ** min(failures, 30), self._options.backoff_longest)
        return longest * random.uniform(0.5, 1.0)
