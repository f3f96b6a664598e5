"""Event readers: who reads the stream of events through this pod, and what of it is theirs to see."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from api.metrics import Metrics
from callplane.bus.event_ports import ReceivedEvent
from callplane.bus.stream_places import Place, Resumed, newest, reading_after
from callplane.bus.stream_ports import EventStream, Start
from callplane.contracts.events import EventType, read_event, routing_word
from callplane.contracts.ids import SessionId
from callplane.contracts.refusals.requests import too_many_event_readers

READERS_AT_MOST = 64
"""On one pod: each has a connection to the broker, and up to ``PREFETCH`` events in memory."""

NEWEST_WITHIN = 3.0
"""Seconds until a stream that says nothing of its newest event counts as empty."""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """What one reader is shown; ``tenant`` None: of all tenants."""

    tenant: str | None = None
    types: frozenset[EventType] = frozenset()
    """None of them: all."""
    session_id: SessionId | None = None

    def shows(self, received: ReceivedEvent) -> bool:
        """Whether it is this reader's; what is no event is nobody's, and has been told of by who keeps timelines."""
        word, _, type_ = received.routing_key.partition(".")
        if self.types and type_ not in self.types:
            return False
        if self.tenant is not None and word not in (routing_word(self.tenant), "-"):
            return False
        try:
            event = read_event(received.body)
        except ValueError:
            return False
        # Those of before there were tenants are every key's, as their sessions are (decision 12).
        theirs = self.tenant is None or event.tenant in (self.tenant, None)
        return theirs and (self.session_id is None or event.sessionid == self.session_id)


class EventReaders:
    """Opens a reading for each, up to a bound."""

    def __init__(self, stream: EventStream, metrics: Metrics, draining: asyncio.Event) -> None:
        self.draining = draining
        """Set when this pod ends."""
        self._stream = stream
        self._metrics = metrics
        self._open = 0
        """How many read."""

    @asynccontextmanager
    async def reading(self, start: Place | Start) -> AsyncIterator[Resumed]:
        """Read from there, for the block. Raises Refusal where too many do, and Unavailable."""
        if self._open >= READERS_AT_MOST:
            raise too_many_event_readers()
        self._count(1)
        try:
            if isinstance(start, Place):
                async with reading_after(self._stream, start) as resumed:
                    if resumed.is_gone:
                        self._metrics.event_place_gone()
                    yield resumed
            else:
                async with self._stream.reading(start) as reader:
                    yield Resumed(reader, (), is_gone=False)
        finally:
            self._count(-1)

    async def newest(self) -> int:
        """The offset at which a reader has read what there is now; -1: there is nothing. Raises Unavailable."""
        return await newest(self._stream, NEWEST_WITHIN)

    def _count(self, more: int) -> None:
        self._open += more
        self._metrics.event_readers(self._open)
