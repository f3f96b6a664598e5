"""Activity: which seats have asked for something, written in bulk and of each at most every 30 s."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime, timedelta
from itertools import islice

from callplane.contracts.ids import ParticipantId, SessionId
from callplane.store.documents import Seat, SeatRole
from callplane.store.presences import ACTIVE_SECONDS

FLUSH_SECONDS = 5.0
AT_ONCE = 500
MOST = 20_000
"""More that wait, for the database is away, are forgotten, and noticed when they ask again."""

Write = Callable[[Mapping[SessionId, Collection[ParticipantId]]], Awaitable[None]]


class Activity:
    """Collects what ``mark`` says; whatever is lost here (a pod dies, a write fails) the seat's next request says."""

    def __init__(self, write: Write, now: Callable[[], datetime]) -> None:
        self._write = write
        self._now = now
        self._waiting: dict[ParticipantId, SessionId] = {}
        """Those to be written next."""

    def mark(self, session_id: SessionId, seat: Seat | SeatRole) -> None:
        """It has just asked for something; at once, without waiting, and by what was read of it anyway."""
        lately = self._now() - timedelta(seconds=ACTIVE_SECONDS)
        if len(self._waiting) < MOST and (seat.last_active_at is None or seat.last_active_at < lately):
            self._waiting[seat.id] = session_id

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write what waits. Raises Unavailable."""
        while self._waiting:
            seats: dict[SessionId, list[ParticipantId]] = defaultdict(list)
            for participant_id in list(islice(self._waiting, AT_ONCE)):
                seats[self._waiting.pop(participant_id)].append(participant_id)
            await self._write(seats)
