"""Server-sent events of the stream of events: one an event, its ``id`` the place to go on behind."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.dispatch.event_readers import NEWEST_WITHIN, EventFilter, EventReaders
from api.http.slow_clients import BoundedSend, SlowClient
from api.streaming.sse import BEAT, GONE_WITHIN, HEADERS, MEDIA_TYPE, ending, gone, write
from callplane.bus.stream_places import Place, Resumed, place_of
from callplane.bus.stream_ports import Start, StreamedEvent
from callplane.contracts.errors import Problem, Trouble, Unavailable

BEAT_SECONDS = 10.0
QUIET_SECONDS = 0.5
"""A reading that is to end with the newest event ends when nothing has come for so long behind it."""

# What stood at the place is not kept: who folds events to a state reads that state again.
RESYNC = b"event: resync-required\ndata: {}\n\n"
# Said before a reading ends that was not to follow: one that ends without it was cut off.
COMPLETE = b"event: complete\ndata: {}\n\n"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one client asks for."""

    start: Place | Start
    shown: EventFilter
    follow: bool = True


class EventStreamResponse(Response):
    """Says what is in the stream until the client leaves, does not take it, or this pod or the broker ends."""

    media_type = MEDIA_TYPE

    def __init__(self, readers: EventReaders, reading: Reading) -> None:
        super().__init__(None, headers=HEADERS)
        self.raw_headers = [header for header in self.raw_headers if header[0] != b"content-length"]
        self._readers = readers
        self._reading = reading

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. Raises Refusal and Unavailable before anything was sent."""
        end = None if self._reading.follow else await self._readers.newest()
        bounded = BoundedSend(send, scope)
        async with self._readers.reading(self._reading.start) as resumed, asyncio.TaskGroup() as tasks:
            leaving = tasks.create_task(gone(receive))
            draining = tasks.create_task(self._readers.draining.wait())
            sending = tasks.create_task(self._send_all(scope, bounded, resumed, end))
            await asyncio.wait((leaving, draining, sending), return_when=asyncio.FIRST_COMPLETED)
            if draining.done() and not (leaving.done() or sending.done()):
                sending.cancel()
                await asyncio.wait((sending,))
                with suppress(SlowClient):  # this pod ends, and the client goes on at another
                    await bounded({"type": "http.response.body", "body": b"", "more_body": False})
            elif sending.done() and not sending.result():
                await asyncio.wait((leaving,), timeout=GONE_WITHIN)  # as for a mailbox
            for task in (leaving, draining, sending):
                task.cancel()

    async def _send_all(self, scope: Scope, send: BoundedSend, resumed: Resumed, end: int | None) -> bool:
        """All of it; False when the client did not take it."""
        last = b""
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await write(send, b"retry: 1000\n\n" + BEAT + (RESYNC if resumed.is_gone else b""))
            try:
                await self._send_events(send, resumed, end)
                last = COMPLETE
            except (Unavailable, Trouble):
                last = ending(Problem(code="unavailable"), scope)
            await send({"type": "http.response.body", "body": last, "more_body": False})
        except SlowClient:
            return False
        return True

    async def _send_events(self, send: BoundedSend, resumed: Resumed, end: int | None) -> None:
        """Until it is over; for ever where there is no end. A beat says how far what is not shown has been read."""
        time = asyncio.get_running_loop().time
        begun = said = time()
        place, reached = b"", self._reached(end)
        while True:
            batch = await resumed.batch(BEAT_SECONDS if end is None else QUIET_SECONDS)
            if batch:
                reached, place = batch[-1].offset, _id(batch[-1])
            elif end is not None and (reached >= end or (not place and time() - begun >= NEWEST_WITHIN)):
                return
            shown = b"".join(_event(one) for one in batch if self._reading.shown.shows(one.event))
            if shown or time() - said >= BEAT_SECONDS:
                await write(send, shown or place + BEAT)
                said = time()

    def _reached(self, end: int | None) -> int:
        """The offset up to which there is nothing to be read."""
        match self._reading.start:
            case int() as offset:
                return offset - 1
            case "next" if end is not None:
                return end
        return -1


def _id(one: StreamedEvent) -> bytes:
    return f"id: {place_of(one)}\n".encode()


def _event(one: StreamedEvent) -> bytes:
    return _id(one) + b"".join(b"data: " + line + b"\n" for line in one.event.body.splitlines()) + b"\n"
