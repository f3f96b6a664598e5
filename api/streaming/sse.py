"""Server-sent events of a mailbox (HTML standard, 9.2): one a message, its ``id`` the token to acknowledge by."""

import asyncio
import contextlib
import json

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.http.outlets import Outlet, chunk, outlet_of
from api.http.problems import body_of
from api.http.slow_clients import BoundedSend, SlowClient
from api.mailboxes.timing import Timing
from api.mailboxes.unacked import Batch
from api.readers.ports import Push, Subscription
from callplane.bus.mailbox_ports import Publication
from callplane.contracts.errors import Problem, Refusal, Trouble, Unavailable

MEDIA_TYPE = "text/event-stream"
# X-Accel-Buffering is for nginx where nobody has told it not to buffer.
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
# A comment for proxies, and an event because scripts are not shown comments: a line may be dead without having ended.
BEAT = b": \nevent: beat\ndata: {}\n\n"
GONE_WITHIN = 1.0


class EventStream(Response):
    """Says what comes until so much is unacknowledged, the mailbox is elsewhere or gone, or the client left."""

    media_type = MEDIA_TYPE

    def __init__(self, subscription: Subscription, first: Batch, timing: Timing) -> None:
        super().__init__(None, headers=HEADERS)
        # A length would be that of the body, which has none.
        self.raw_headers = [header for header in self.raw_headers if header[0] != b"content-length"]
        self._subscription = subscription
        self._first = first
        self._timing = timing
        self._outlet: Outlet | None = None
        """Where what comes is written at once; None before it is sent, and where another server listens."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        bounded = BoundedSend(send, scope)
        with contextlib.closing(self._subscription):
            await self._run(scope, receive, bounded)

    async def _run(self, scope: Scope, receive: Receive, bounded: BoundedSend) -> None:
        async with asyncio.TaskGroup() as tasks:
            leaving = tasks.create_task(gone(receive))
            sending = tasks.create_task(self._send_all(scope, bounded))
            await asyncio.wait((leaving, sending), return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and not sending.result():
                await asyncio.wait((leaving,), timeout=GONE_WITHIN)  # uvicorn complains of who returns before it.
            leaving.cancel()
            sending.cancel()

    async def _send_all(self, scope: Scope, bounded: BoundedSend) -> bool:
        """All of it; False when the client did not take it."""
        try:
            await bounded({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await write(bounded, b"retry: 1000\n\n" + (events(self._first) or BEAT))
            last = b""
            try:
                self._outlet = outlet_of(scope)
                while not (self._subscription.is_full or self._subscription.is_unread(self._timing.stream_unread)):
                    if self._outlet and await self._subscription.push(self._push, self._timing.stream_beat):
                        await self._write(bounded, BEAT)
                        continue
                    batch = await self._subscription.next(self._timing.stream_beat)
                    await self._write(bounded, events(batch) or BEAT)
            except Refusal as refusal:
                last = ending(refusal.problem, scope)
            except (Unavailable, Trouble):
                last = ending(Problem(code="unavailable"), scope)
            await bounded({"type": "http.response.body", "body": last, "more_body": False})
        except SlowClient:
            return False
        return True

    async def _write(self, bounded: BoundedSend, body: bytes) -> None:
        """At once where the client keeps up: what stands around a send is most of what a short one costs."""
        if self._outlet is None or not self._outlet.write(chunk(body)):
            await write(bounded, body)

    def _push(self, push: Push) -> bool:
        """Write what comes at once; its events are the same for all whose tokens are."""
        name = f"events {push.suffix}"
        written = push.shared.memo.get(name)
        if written is None:
            written = push.shared.memo[name] = chunk(events(push.batch()))
        return self._outlet is not None and self._outlet.write(written)


def events(batch: Batch) -> bytes:
    """A batch as events. The messages are JSON in one line, which nothing may break into two (HTML 9.2.6)."""
    return b"".join(_event(one) for one in batch.received)


def _event(one: Publication) -> bytes:
    data = b"".join(b"data: " + line + b"\n" for line in one.body.splitlines())
    return b"id: " + one.token.encode() + b"\n" + data + b"\n"


def ending(problem: Problem, scope: Scope) -> bytes:
    """Why the stream ends, where a poll would have been refused; the status of this answer was sent long ago."""
    return b"event: end\ndata: " + json.dumps(body_of(problem, scope)).encode() + b"\n\n"


async def write(bounded: BoundedSend, body: bytes) -> None:
    await bounded({"type": "http.response.body", "body": body, "more_body": True})


async def gone(receive: Receive) -> None:
    """Back when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
