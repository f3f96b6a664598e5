"""Readers by engine: each seat is read as its session's engine says, which never changes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from api.log.catch_up import FeedCounts
from api.log.feeds import Feeds, OnAppended
from api.mailboxes.timing import Timing
from api.mailboxes.unacked import Batch
from api.readers.log_readers import LogReaderServices, open_log_readers
from api.readers.ports import Question, Readers, Subscription
from callplane.bus.hint_ports import HintBus
from callplane.concurrency import alongside, forever
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.store.attachments import Attachment
from callplane.store.engines import SessionEngines
from callplane.store.incarnations import Incarnations
from callplane.store.log.reader import LogReader
from callplane.store.log_attachments import LogAttachments
from callplane.store.mongo.database import Database, DatabaseClock


class EngineReaders:
    """The Readers port by either engine."""

    def __init__(self, engines: SessionEngines, queues: Readers, log: Readers) -> None:
        self._engines = engines
        self.queues = queues
        self.log = log

    @property
    def timing(self) -> Timing:
        """The delays of this pod."""
        return self.queues.timing

    async def require_seat(self, participant_id: ParticipantId) -> Attachment:
        """Its attachment, which looks alike on both."""
        return await self.queues.require_seat(participant_id)

    async def poll(self, question: Question) -> Batch:
        """Wait for messages; cancelling says that the client has left. Raises Refusal and Unavailable."""
        return await (await self._of(question.session_id)).poll(question)

    async def subscribe(self, seat: tuple[SessionId, ParticipantId], ack: str | None) -> Subscription:
        """A stream that goes on behind ``ack``; close it. Raises Refusal and Unavailable."""
        return await (await self._of(seat[0])).subscribe(seat, ack)

    async def _of(self, session_id: SessionId) -> Readers:
        # Of a session that is deleted the attachment is gone as well, and the queues' readers say so. Asked once: who
        # is read by queues is answered without the database.
        engine = await self._engines.of(session_id)
        if engine is None:
            self._engines.remember(session_id, "queues")
        return self.log if engine == "log" else self.queues


@dataclass(frozen=True, slots=True)
class LogEnds:
    """What logs are read from: the database, that of the logs, the one of leases with the clock by it, and hints."""

    database: Database
    messages: Database
    leases: Database
    clock: DatabaseClock
    hints: HintBus
    watch: Callable[[Callable[[], FeedCounts]], None]
    """Is given what tells how the feeds are."""
    appended: OnAppended
    """Is told where a log ends by each hint."""
    failed: Callable[[str], None]
    """Is told of each loop that met what it did not expect, and is begun again."""


@asynccontextmanager
async def open_readers(queues: Readers, ends: LogEnds, draining: asyncio.Event) -> AsyncIterator[EngineReaders]:
    """Readers of both engines, until the block ends, or ``draining`` has everybody answered."""
    feeds = Feeds(ends.hints, LogReader(ends.messages), appended=ends.appended)
    services = LogReaderServices(
        feeds, LogAttachments(ends.database), Incarnations(ends.leases), ends.clock.now, failed=ends.failed
    )
    async with (
        alongside(forever("feeds", feeds.run, failed=ends.failed)),
        open_log_readers(services, draining) as log,
    ):
        ends.watch(lambda: replace(feeds.totals(), reader_lag=log.lag()))
        yield EngineReaders(SessionEngines(ends.database), queues, log)
