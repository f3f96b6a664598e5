"""Events of the client: what happened in one session, and the stream of all."""

# Made of callplane_client/aio/events.py by docs/make_blocking_client.py.

from collections.abc import Iterator
from typing import Any, Unpack

from callplane_client.asking import Ask, path
from callplane_client.blocking.event_stream import EventStream
from callplane_client.blocking.http import Caller
from callplane_client.fields import EventFilter
from callplane_client.shapes import Event

PAGE = 200


class Events:
    """``events`` of the client; API keys read them, each its tenant's."""

    def __init__(self, ask: Caller) -> None:
        self._ask = ask

    def of_session(self, session_id: str, after: int = 0, *, type_: str | None = None) -> Iterator[Event]:
        """What happened in a session behind a version of it, and what was refused between, closed or not.

        Oldest first, page after page as they are asked for.
        """
        position: int | None = after
        before: set[str] = set()
        while position is not None:
            query = {"after": position, "type": type_, "limit": PAGE}
            page = self._ask(Ask("GET", path("sessions", session_id, "events"), query=query))
            events = [Event.model_validate(one) for one in page["events"]]
            for one in events:
                if one.id not in before:
                    yield one
            # What was refused right behind the last version of a page stands in the next as well.
            before = {one.id for one in events if one.version is None}
            position = page["next"]

    def stream(self, start: str = "next", *, after: str | None = None, **only: Unpack[EventFilter]) -> EventStream:
        """What happens in all sessions, from ``first``, ``next``, an offset or a time on; or behind a ``cursor``."""
        query: dict[str, Any] = {"from": start, **only}
        return EventStream(self._ask, query, after)
