"""Event stream of the client: an iterator that goes on, through every cut, behind the last event that was taken."""

# Made of callplane_client/aio/event_stream.py by docs/make_blocking_client.py.

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from time import monotonic, sleep
from typing import Any, Self

import httpx

from callplane_client.asking import Ask, path
from callplane_client.blocking.http import Caller
from callplane_client.errors import CallplaneError, Refused, Unreachable
from callplane_client.events import StreamedEvent, event_of
from callplane_client.shapes import Event

SILENCE = 30.0
"""A stream says something every 10 s; one that says nothing for so long is dead, whatever the system believes."""


class EventStream:
    """Events in the order in which they were published; one may come twice, under the id that it had."""

    def __init__(self, ask: Caller, query: Mapping[str, Any], cursor: str | None = None) -> None:
        self._ask = ask
        self._query = query
        self.cursor = cursor
        """Behind the last event that was dealt with: asking for the next means that. Another stream goes on there."""
        self.patience = 60.0
        """Seconds of trouble without an end, after which the trouble is raised; iterating once more goes on."""
        self.gaps = 0
        """How often what stood at the cursor was not kept any more, so that events may be missing."""
        self._ready: deque[StreamedEvent] = deque()
        self._given: str | None = None
        """The cursor behind what is being dealt with."""
        self._unseen: str | None = None
        """The cursor behind what was passed over since, said by a beat."""
        self._complete = False
        """Whether a reading that was not to follow has come to its end."""
        self._end: Refused | None = None
        """Why the stream ends behind what has come of it."""
        self._stack = ExitStack()
        self._pieces: Iterator[bytes] | None = None
        self._rest = b""
        self._failing: float | None = None
        """Since when there is trouble."""
        self._attempt = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        self._taken()
        if not self._ready:
            self._ready.extend(self._fetch())
        if not self._ready:
            raise StopIteration
        one = self._ready.popleft()
        self._given = one.cursor
        return Event.model_validate_json(one.body)

    def batch(self) -> Sequence[StreamedEvent]:
        """Those that came together, as they came; none: the reading is complete. Raises Refused, Unreachable."""
        self._taken()
        found = list(self._ready) or self._fetch()
        self._ready.clear()
        self._given = found[-1].cursor if found else None
        return found

    def close(self) -> None:
        """Read no more; reading again goes on behind ``cursor``."""
        self._ready.clear()
        self._close()

    def _taken(self) -> None:
        """Those that were given have been dealt with."""
        if self._given is not None:
            self.cursor, self._given = self._given, None
        if self._unseen is not None and not self._ready:
            self.cursor, self._unseen = self._unseen, None

    def _fetch(self) -> list[StreamedEvent]:
        while not self._complete:
            try:
                found = self._piece()
            except CallplaneError as trouble:
                self._failed(trouble)
                continue
            self._failing, self._attempt = None, 0
            if found:
                return found
            self._taken()
        self._close()
        return []

    def _piece(self) -> list[StreamedEvent]:
        """What one piece of the answer has completed."""
        if self._end is not None:
            raise self._end
        try:
            for piece in self._pieces or self._open():
                *whole, self._rest = (self._rest + piece).split(b"\n\n")
                return [one for event in whole if (one := self._read(event.decode())) is not None]
        except (httpx.TransportError, httpx.StreamError) as trouble:
            raise Unreachable(f"the stream has ended: {trouble or type(trouble).__name__}") from trouble
        raise Unreachable("the stream has ended")

    def _open(self) -> Iterator[bytes]:
        ask = Ask("GET", path("events"), query=self._query)
        place = {"Last-Event-ID": self.cursor} if self.cursor else {}
        headers = self._ask.credential.headers() | {"Accept": "text/event-stream", **place}
        self._pieces = self._stack.enter_context(self._ask.http.pieces(ask, headers, SILENCE))
        return self._pieces

    def _read(self, text: str) -> StreamedEvent | None:
        """One event that is shown; of any other that what it says is known."""
        event = event_of(text)
        if event is None:
            return None
        match event.name:
            case "message" if event.event_id is not None:
                self._unseen = None
                return StreamedEvent(event.event_id, event.data)
            case "beat":
                self._unseen = event.event_id or self._unseen
            case "resync-required":
                self.gaps += 1
            case "complete":
                self._complete = True
            case "end":
                problem = json.loads(event.data)
                self._end = Refused(problem["status"], problem)
        return None

    def _failed(self, trouble: CallplaneError) -> None:
        self._close()
        now = monotonic()
        self._failing = self._failing or now
        if not trouble.retryable or now - self._failing > self.patience:
            self._failing = None
            raise trouble
        pause = self._ask.http.retries.pause(trouble, self._attempt)
        self._attempt += 1
        sleep(pause)

    def _close(self) -> None:
        self._pieces, self._rest, self._end, self._unseen = None, b"", None, None
        self._stack.close()
