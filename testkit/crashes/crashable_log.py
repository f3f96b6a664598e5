"""Crashable log: the appends of one wrapper, whose reads and inserts are points, and which end with their process."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, cast

from callplane.bus.ports import Messenger
from callplane.contracts.errors import Unavailable
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.messages import Message
from callplane.messengers import LogMessenger
from callplane.store.log.appender import Appender
from callplane.store.mongo.database import DatabaseClock
from testkit.crashes.call_points import Database, Killed, Points


class NoHints:
    """Nobody hears any: what readers get without them is what the log holds."""

    def __init__(self) -> None:
        self.dropped = 0
        """All of them."""

    def send(self, session_id: SessionId, hint: bytes) -> None:
        """It is lost."""
        self.dropped += 1


class CrashableLog:
    """The log's messenger; whoever waits for an append in which its process dies is dead at once."""

    def __init__(self, messenger: LogMessenger, appending: asyncio.Task[None]) -> None:
        self._messenger = messenger
        self._appending = appending

    async def to_session(self, session_id: SessionId, messages: list[Message]) -> Any:
        """To the session's log."""
        return await self._unless_dead(self._messenger.to_session(session_id, messages))

    async def to_participant(self, participant_id: ParticipantId, *messages: Message) -> Any:
        """To the seat's."""
        return await self._unless_dead(self._messenger.to_participant(participant_id, *messages))

    async def _unless_dead(self, append: Coroutine[Any, Any, Any]) -> Any:
        waiting = asyncio.ensure_future(append)
        await asyncio.wait({waiting, self._appending}, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        raise Killed


class HeadlessLog:
    """The log's messenger of one task that believes in no head: it reads one for each append."""

    def __init__(self, database: Any, points: Points) -> None:
        self._database = database
        self._points = points

    async def to_session(self, session_id: SessionId, messages: list[Message]) -> Any:
        """To the session's log."""
        async with crashable_log(self._database, self._points) as log:
            return await log.to_session(session_id, messages)

    async def to_participant(self, participant_id: ParticipantId, *messages: Message) -> Any:
        """To the seat's."""
        async with crashable_log(self._database, self._points) as log:
            return await log.to_participant(participant_id, *messages)


@asynccontextmanager
async def crashable_log(database: Any, points: Points) -> AsyncIterator[Messenger]:
    """Appends for the block through these points, by the clock of a process that stops where they say so."""
    counted = cast(Any, Database(database, points, Unavailable))
    appender = Appender(counted, DatabaseClock(database), now=points.monotonic)
    appending = asyncio.ensure_future(appender.run())
    try:
        yield cast(Messenger, CrashableLog(LogMessenger(appender, NoHints()), appending))
    finally:
        appending.cancel()
        await asyncio.wait({appending})
        if not appending.cancelled() and (ended := appending.exception()) is not None and not points.dead:
            raise ended
