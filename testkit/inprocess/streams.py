"""For tests of the stream: events of a session by version, and a reader that waits for so many."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from callplane.bus.stream_ports import StreamBounds, StreamedEvent
from callplane.contracts.events import Asked, CloudEvent, session_event
from callplane.contracts.ids import SessionId
from callplane.contracts.messages import Message

BOUNDS = StreamBounds(days=1, gigabytes=1)
WITHIN = 15.0


class Batches(Protocol):
    """What is read from."""

    async def batch(self, within: float) -> Sequence[StreamedEvent]:
        """What comes next."""
        ...


def happened(where: SessionId, version: int, type_: str = "session-updated", tenant: str = "acme") -> CloudEvent:
    """A change of a session."""
    id_ = f"{where}:{version}"
    message = Message(id=id_, type=type_, session_id=where, version=version, at=datetime.now(UTC), data={"n": version})
    return session_event(message, Asked("key:app", "r-1", tenant))


async def read(reader: Batches, count: int) -> list[StreamedEvent]:
    """So many, and no more in the batch that brought the last."""
    found: list[StreamedEvent] = []
    async with asyncio.timeout(WITHIN):
        while len(found) < count:
            found += await reader.batch(1.0)
    return found
