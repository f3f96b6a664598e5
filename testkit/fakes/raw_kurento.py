"""A Kurento connection by hand: every frame as it is, nothing interpreted."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import ConnectionClosed

PATIENCE = 10.0


class RawKurento:
    """One socket; answers are matched by id, events are kept, anything else is in `others`."""

    def __init__(self, socket: ClientConnection, first_id: int) -> None:
        self.socket = socket
        self.events: list[dict[str, Any]] = []
        self.others: asyncio.Queue[Any] = asyncio.Queue()
        self.session: str | None = None
        self._ids = itertools.count(first_id)
        self._waiting: dict[Any, asyncio.Future[dict[str, Any]]] = {}
        self._news = asyncio.Condition()

    async def send(self, frame: Any) -> None:
        """Send a frame, JSON unless it is text or bytes already."""
        await self.socket.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    async def exchange(self, frame: dict[str, Any]) -> dict[str, Any]:
        """Send a request with an id of the caller's and return the whole answer."""
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[str(frame["id"]).lower()] = answer
        await self.send(frame)
        return await asyncio.wait_for(answer, PATIENCE)

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Make a call and return the whole answer; params are left out where there are none."""
        frame: dict[str, Any] = {"id": next(self._ids), "jsonrpc": "2.0", "method": method}
        if params:
            frame["params"] = params
        answer = await self.exchange(frame)
        result = answer.get("result")
        if isinstance(result, dict) and result.get("sessionId"):
            self.session = result["sessionId"]
        return answer

    async def done(self, method: str, **params: Any) -> Any:
        """Make a call that must succeed and return its result."""
        answer = await self.call(method, **params)
        assert "result" in answer, answer
        return answer["result"]

    async def value(self, method: str, **params: Any) -> Any:
        """Make a call that must succeed and return its value."""
        result = await self.done(method, **params)
        return result["value"] if result else None

    async def code(self, method: str, **params: Any) -> int:
        """Make a call that must be refused and return the code."""
        answer = await self.call(method, **params)
        assert "error" in answer, answer
        return int(answer["error"]["code"])

    async def invoke(self, target: str, operation: str, **given: Any) -> Any:
        """Invoke an operation that must succeed."""
        return await self.value("invoke", object=target, operation=operation, operationParams=given)

    async def refused(self, target: str, operation: str, **given: Any) -> int:
        """Invoke an operation that must be refused and return the code."""
        return await self.code("invoke", object=target, operation=operation, operationParams=given)

    async def pipeline(self) -> str:
        """Create a pipeline."""
        return str(await self.value("create", type="MediaPipeline"))

    async def endpoint(self, pipeline: str, **constructor: Any) -> str:
        """Create a WebRTC endpoint."""
        given = {"mediaPipeline": pipeline, **constructor}
        return str(await self.value("create", type="WebRtcEndpoint", constructorParams=given))

    async def subscribe(self, target: str, *kinds: str) -> None:
        """Subscribe to some events."""
        for kind in kinds:
            await self.value("subscribe", object=target, type=kind)

    def seen(self, kind: str, target: str | None = None) -> list[dict[str, Any]]:
        """Return the data of the events of a type that have come so far."""
        found = [e["params"]["value"] for e in self.events]
        return [v["data"] for v in found if v["type"] == kind and target in (None, v["object"])]

    async def event(
        self, kind: str, target: str | None = None, *, nth: int = 1, within: float = PATIENCE, **fields: Any
    ) -> dict[str, Any]:
        """Wait for the nth event of a type whose data has these fields, and return its data."""

        def matching() -> list[dict[str, Any]]:
            return [d for d in self.seen(kind, target) if fields.items() <= d.items()]

        async with asyncio.timeout(within), self._news:
            await self._news.wait_for(lambda: len(matching()) >= nth)
        return matching()[nth - 1]

    async def read(self) -> None:
        """Sort what arrives until the socket closes."""
        with contextlib.suppress(ConnectionClosed):
            async for text in self.socket:
                await self._sort(json.loads(text) if text else "")

    async def _sort(self, frame: Any) -> None:
        if isinstance(frame, dict) and frame.get("method") == "onEvent":
            async with self._news:
                self.events.append(frame)
                self._news.notify_all()
            return
        waiting = self._waiting.pop(str(frame.get("id")).lower(), None) if isinstance(frame, dict) else None
        if waiting is not None:
            waiting.set_result(frame)
        else:
            self.others.put_nowait(frame)


@contextlib.asynccontextmanager
async def raw_kurento(url: str, first_id: int = 1) -> AsyncIterator[RawKurento]:
    """Open a socket for as long as the block runs."""
    async with open_socket(url, max_size=None, ping_interval=None, close_timeout=1, compression=None) as socket:
        kurento = RawKurento(socket, first_id)
        async with asyncio.TaskGroup() as tasks:
            reader = tasks.create_task(kurento.read())
            try:
                yield kurento
            finally:
                reader.cancel()
