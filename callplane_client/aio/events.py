"""Events of the client: what happened in one session, and the stream of all."""

from collections.abc import AsyncIterator
from typing import Any, Unpack

from callplane_client.aio.event_stream import AsyncEventStream
from callplane_client.aio.http import AsyncCaller
from callplane_client.asking import Ask, path
from callplane_client.fields import EventFilter
from callplane_client.shapes import Event

PAGE = 200


class AsyncEvents:
    """``events`` of the client; API keys read them, each its tenant's."""

    def __init__(self, ask: AsyncCaller) -> None:
        self._ask = ask

    async def of_session(self, session_id: str, after: int = 0, *, type_: str | None = None) -> AsyncIterator[Event]:
        """What happened in a session behind a version of it, and what was refused between, closed or not.

        Oldest first, page after page as they are asked for.
        """
        position: int | None = after
        before: set[str] = set()
        while position is not None:
            query = {"after": position, "type": type_, "limit": PAGE}
            page = await self._ask(Ask("GET", path("sessions", session_id, "events"), query=query))
            events = [Event.model_validate(one) for one in page["events"]]
            for one in events:
                if one.id not in before:
                    yield one
            # What was refused right behind the last version of a page stands in the next as well.
            before = {one.id for one in events if one.version is None}
            position = page["next"]

    def stream(self, start: str = "next", *, after: str | None = None, **only: Unpack[EventFilter]) -> AsyncEventStream:
        """What happens in all sessions, from ``first``, ``next``, an offset or a time on; or behind a ``cursor``."""
        query: dict[str, Any] = {"from": start, **only}
        return AsyncEventStream(self._ask, query, after)
