"""KurentoClient: one session on one media server, over one connection at a time."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from websockets.uri import parse_uri

from kurento_client import decoding
from kurento_client.bounded_queue import BoundedQueue
from kurento_client.connection import KurentoConnection
from kurento_client.data_channel_dedup import Repeated
from kurento_client.errors import NotConnected
from kurento_client.events import MediaEvent, typed
from kurento_client.guards import check_invoke
from kurento_client.jsonrpc import Event, Response
from kurento_client.objects import MediaObject, MediaPipeline, ServerManager, handle
from kurento_client.options import Options
from kurento_client.records import Description
from kurento_client.states import ConnectionChange
from kurento_client.transaction import Transaction


@asynccontextmanager
async def connect(url: str, options: Options | None = None) -> "AsyncIterator[KurentoClient]":
    """Run a client of the server at `url` (such as `ws://host:8888/kurento`) while the block runs.

    It enters at once, connected or not: await `client.opened()`, or read `client.states`. Leaving closes the
    socket and releases nothing on the server, whose collector takes unreferenced objects after 4 to 8 minutes
    (protocol 6.2): release what you made, or `close_session`, first.
    """
    parse_uri(url)
    client = KurentoClient(url, options or Options())
    trouble: Exception | None = None
    async with asyncio.TaskGroup() as group:
        running = group.create_task(client.run())
        try:
            yield client
        except Exception as error:  # The group would wrap it: the block's own errors leave as they are.
            trouble = error
        finally:
            running.cancel()
    if trouble is not None:
        raise trouble


class KurentoClient:
    """Calls, events and connection states of one Kurento session.

    Calls may be made from many tasks at once; the server executes them in order (protocol 1.4). `events` and
    `states` each have one reader, in a task of its own: calls may be made from there.
    """

    def __init__(self, url: str, options: Options) -> None:
        self.url = url
        self.options = options
        self.events: BoundedQueue[MediaEvent] = BoundedQueue(options.event_limit)
        self._connection = KurentoConnection(url, options, self._on_event)
        self._repeated = Repeated()

    async def run(self) -> None:
        """Keep the connection until cancelled; `connect` does this."""
        try:
            await self._connection.run()
        finally:
            self.events.close()
            self.states.close()

    @property
    def states(self) -> BoundedQueue[ConnectionChange]:
        """`Connected`, `Lost` and `AttemptFailed`, in order."""
        return self._connection.states

    @property
    def connected(self) -> bool:
        """Whether calls would be sent now."""
        return self._connection.connected.is_set()

    @property
    def server_id(self) -> str | None:
        """The process that was last connected to; None before the first time."""
        return self._connection.server_id

    @property
    def session_id(self) -> str | None:
        """The present Kurento session; None before the first connection."""
        return self._connection.session_id

    async def opened(self, timeout: float | None = None) -> None:
        """Wait until connected; raises NotConnected after `timeout` (or `call_timeout`) seconds."""
        limit = self.options.call_timeout if timeout is None else timeout
        try:
            async with asyncio.timeout(limit):
                await self._connection.connected.wait()
        except TimeoutError:
            raise NotConnected(f"no connection to {self.url} in {limit:g} s") from None

    async def call(
        self, method: str, params: Mapping[str, Any] | None = None, timeout: float | None = None
    ) -> Response:
        """Make any call of the protocol; the session goes along by itself.

        Raises KurentoError (a subclass tells which) when the server refuses; NotConnected when nothing was
        sent; OutcomeUnknown, or its CallTimedOut, when it may have been executed. `timeout` is in seconds,
        `call_timeout` by default.
        """
        return await self._connection.call(method, params, timeout)

    async def ping(self) -> None:
        """Ask for an answer through the whole queue of this connection; it keeps nothing alive (3.1)."""
        await self.call("ping")

    async def create(self, object_type: str, constructor: Mapping[str, Any] | None = None) -> str:
        """Create an object and return its id.

        Raises NotEnoughResources (40009), ObjectNotFound (40101) for a parent that is gone, KurentoError
        40108 for an unknown type and 40001 for missing arguments (protocol 3.3).
        """
        # The server ignores `properties`, which every official client sends.
        params = {"type": object_type, "constructorParams": dict(constructor or {}), "properties": {}}
        return decoding.text((await self.call("create", params)).value)

    async def invoke(
        self, object_id: str, operation: str, params: Mapping[str, Any] | None = None, timeout: float | None = None
    ) -> Any:
        """Run an operation, or `getX` and `setX` of a property, and return its value as received.

        Raises WouldCrashServer, ObjectNotFound, and KurentoError 40008 for an unknown operation (3.4).
        """
        given = dict(params or {})
        check_invoke(object_id, operation, given)
        wanted = {"object": object_id, "operation": operation, "operationParams": given}
        return (await self.call("invoke", wanted, timeout)).value

    async def subscribe(self, object_id: str, event_type: str) -> str:
        """Have one type of events of one object delivered to `events`; returns the subscription's id."""
        return decoding.text((await self.call("subscribe", {"object": object_id, "type": event_type})).value)

    async def unsubscribe(self, object_id: str, subscription: str) -> None:
        """End a subscription; unknown ids are fine."""
        await self.call("unsubscribe", {"object": object_id, "subscription": subscription})

    async def describe(self, object_id: str) -> Description:
        """Return what an object is; this session references it from now on (protocol 3.5)."""
        return Description.read((await self.call("describe", {"object": object_id})).result)

    async def release(self, object_id: str) -> None:
        """Destroy an object and its descendants for everybody; an unknown id is fine (protocol 3.7)."""
        await self.call("release", {"object": object_id})

    async def ref(self, object_id: str) -> None:
        """Add this session's reference to an object, so that it is not collected (protocol 3.8)."""
        await self.call("ref", {"object": object_id})

    async def unref(self, object_id: str) -> None:
        """Drop this session's reference to an object and its children; the last one's drop destroys it."""
        await self.call("unref", {"object": object_id})

    async def close_session(self, release: bool = False) -> None:
        """End the session: drop its references, or with `release` destroy all it references, for everybody.

        The client reconnects under a new session, should it go on (protocol 3.9).
        """
        await self.call("closeSession", {"release": True} if release else None)
        self._connection.forget_session()

    def transaction(self) -> Transaction:
        """Begin a transaction; nothing is sent before its `commit`."""
        return Transaction(self._transact)

    async def create_pipeline(self) -> MediaPipeline:
        """Create a pipeline; raises what `create` raises."""
        return MediaPipeline(self, await self.create("MediaPipeline"))

    def server_manager(self) -> ServerManager:
        """Return the handle of the server itself."""
        return ServerManager(self)

    def handle(self, object_id: str) -> MediaObject:
        """Return a handle of the class that the id names, without asking the server."""
        return handle(self, object_id)

    async def _transact(self, method: str, params: Mapping[str, Any]) -> Any:
        return (await self.call(method, params)).value

    def _on_event(self, event: Event) -> bool:
        made = typed(event)
        return self._repeated(made) or self.events.offer(made)
