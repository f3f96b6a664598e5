"""Messengers by engine: a session's log with hints to the pods that read it, or the queues of its seats."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

import bson

from callplane.bus.hint_ports import HintBus, HintSender
from callplane.bus.ports import Messenger, TakenBy
from callplane.concurrency import alongside, forever
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.contracts.messages import Message
from callplane.store.engines import SessionEngines
from callplane.store.log.appender import Appender
from callplane.store.log.reader import Head
from callplane.store.log.records import Entry, Kept, Keyed, LogKey, Record, entry_id, written, written_entry
from callplane.store.mongo.database import Database, DatabaseClock

IN_THE_SESSIONS_LOG = frozenset({"signal"})
"""Types that stand in the session's log though they are for one seat: in one order with those to everybody."""


class LogMessenger:
    """The Messenger port on logs: what it returns from is on a majority, whether anybody reads it or not."""

    def __init__(self, appender: Appender, hints: HintSender) -> None:
        self._appender = appender
        self._hints = hints

    def hints_unsent(self) -> int:
        """How many hints were dropped here, since the beginning: the broker was away, or did not keep up."""
        return self._hints.dropped

    async def to_session(self, session_id: SessionId, messages: list[Message]) -> TakenBy:
        """Append to the session's log, in order; events that it has are not appended again.

        Raises Unavailable, and Trouble for an event whose predecessors are in no log.
        """
        entries = [_entry(message) for message in messages]
        await self._appender.append(LogKey(session_id, session_id), entries)
        return "all"

    async def to_participant(self, participant_id: ParticipantId, *messages: Message) -> bool:
        """Append to the seat's log, or for the seat to the session's; always True: a log needs no reader."""
        where = messages[0].session_id
        for message in messages:
            if message.type in IN_THE_SESSIONS_LOG:
                await self.to_seats(where, message, [participant_id])
        own = [_entry(message) for message in messages if message.type not in IN_THE_SESSIONS_LOG]
        if own:
            await self._appender.append(LogKey(participant_id, where), own)
        return True

    async def to_seats(self, session_id: SessionId, message: Message, participants: Sequence[ParticipantId]) -> None:
        """Append for each of them to the session's log, side by side: up to 64 are one record, for all or none.

        Raises Unavailable: some may have it, and the same id is to be sent again.
        """
        await self._appender.append(LogKey(session_id, session_id), [_entry(message, to=one) for one in participants])

    async def to_some(
        self,
        message: Message,
        participants: Sequence[ParticipantId] | None,
        kept: Kept | None = None,
        keyed: Keyed | None = None,
    ) -> None:
        """The same, to all where nobody is named; what belongs to the history is there once, however many it is for.

        With a key, also what is sent again by whichever process is in the log once. Raises Unavailable, and Refusal
        ``key-reused`` where another request had that key.
        """
        whom = [None] if participants is None else participants
        first, *others = [replace(_entry(message, to=one), keyed=keyed) for one in whom]
        enters = None if keyed is None else replace(keyed, enters=True)
        log = LogKey(message.session_id, message.session_id)
        await self._appender.append(log, [replace(first, kept=kept, keyed=enters), *others])

    def heard(self, log: LogKey, head: Head, at: datetime) -> None:
        """A hint has told that another appended up to there, by that database time."""
        self._appender.heard(log, head, at)

    def learnt(self, log: LogKey, head: Head, asked: float) -> None:
        """Somebody here has read where the log ends, and something is about to be appended (``LogReader.on_head``)."""
        self._appender.learnt(log, head, asked)

    def hint(self, message: Message, participants: Sequence[ParticipantId] | None, until: datetime) -> None:
        """Hand it to who reads now, until that database time; to all, where nobody is named. It stands in no log."""
        for one in [None] if participants is None else participants:
            volatile = {"s": message.session_id, "u": until, "e": [written_entry(_entry(message, to=one))]}
            self._hints.send(message.session_id, bson.encode(volatile))


class EngineMessenger:
    """The Messenger port by either engine, as each session has it."""

    def __init__(self, engines: SessionEngines, queues: Messenger, log: Messenger) -> None:
        self._engines = engines
        self._queues = queues
        self._log = log

    async def to_session(self, session_id: SessionId, messages: list[Message]) -> TakenBy:
        """As the session's engine does. Raises as both."""
        return await (await self._of(session_id)).to_session(session_id, messages)

    async def to_participant(self, participant_id: ParticipantId, *messages: Message) -> bool:
        """As the session's engine does. Raises as both."""
        return await (await self._of(messages[0].session_id)).to_participant(participant_id, *messages)

    async def _of(self, session_id: SessionId) -> Messenger:
        # Of one that is deleted nothing is appended: nobody would delete it again.
        return self._log if await self._engines.of(session_id) == "log" else self._queues


@asynccontextmanager
async def open_log_messenger(database: Database, clock: DatabaseClock, hints: HintBus) -> AsyncIterator[LogMessenger]:
    """Append and send hints for as long as the block runs."""
    async with hints.sender() as sender:
        appender = Appender(database, clock, appended=_Hinting(sender))
        async with alongside(forever("log", appender.run)):
            yield LogMessenger(appender, sender)


class _Hinting:
    """Sends each record that was appended here to whoever reads the session."""

    def __init__(self, sender: HintSender) -> None:
        self._sender = sender

    def __call__(self, log: LogKey, record: Record, at: datetime) -> None:
        self._sender.send(log.session_id, bson.encode(written(log, record, at)))


def _entry(message: Message, to: ParticipantId | None = None) -> Entry:
    return Entry(
        entry_id(message.id, to), message.type, message.model_dump_json().encode(), to=to, version=message.version
    )
