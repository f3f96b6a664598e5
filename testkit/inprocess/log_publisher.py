"""For tests of doors: a session whose messages are in logs, and who writes to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from callplane.bus.hint_ports import HintBus
from callplane.bus.rabbitmq.hints import RabbitHints
from callplane.bus.rabbitmq.mailboxes import RabbitMailboxes
from callplane.contracts.ids import ParticipantId, SessionId, new_id
from callplane.contracts.messages import Message, participant_left
from callplane.messengers import LogMessenger, open_log_messenger
from callplane.store.attachments import Attachments
from callplane.store.log.place import Place
from callplane.store.log.reader import LogReader
from callplane.store.log.records import LogKey
from callplane.store.mongo.database import DatabaseClock, open_database
from testkit.fakes.scripted_bus import ScriptedBus
from testkit.inprocess.mailboxes import S, Scene, message
from testkit.servers.servers import Servers


class HintingBus(ScriptedBus):
    """A scripted bus whose hints come from elsewhere."""

    def __init__(self, hints: HintBus) -> None:
        super().__init__()
        self._elsewhere = hints

    @property
    def hints(self) -> HintBus:
        """Those."""
        return self._elsewhere


class LogPublisher:
    """The Publisher of tests, on logs."""

    def __init__(self, messenger: LogMessenger) -> None:
        self._messenger = messenger

    async def open(self, participant: ParticipantId, session: SessionId = S) -> None:
        """A log needs no opening."""

    async def delete(self, participant: ParticipantId) -> None:
        """Its seat is gone."""
        left = participant_left(participant, "kicked")
        gone = Message(id=new_id(), type=left.type, session_id=S, at=datetime.now(UTC), data=left.data)
        await self._messenger.to_session(S, [gone])

    async def to(self, participant: ParticipantId, *texts: str) -> None:
        """Publish to one."""
        for text in texts:
            await self._messenger.to_participant(participant, message(text))

    async def to_all(self, *texts: str, session: SessionId = S) -> None:
        """Publish to everybody."""
        await self._messenger.to_session(session, [message(text, session) for text in texts])

    async def waiting(self, participant: ParticipantId) -> int | None:
        """Nothing waits anywhere for a reader."""
        return 0


@dataclass
class LogEngineScene(Scene):
    """A scene whose session is of the log engine."""

    async def seat(self, name: str) -> ParticipantId:
        """A participant that begins at the head."""
        head = await LogReader(self.database).head(LogKey(S, S))
        await self.attachments.open(S, ParticipantId(name), Place(head.position))
        return ParticipantId(name)


@asynccontextmanager
async def log_engine_scene(servers: Servers) -> AsyncIterator[Scene]:
    """Pods on MongoDB, with hints by RabbitMQ."""
    url, corner = servers.vhost.url, servers.database
    async with open_database(corner.url, corner.name) as database:
        await database["sessions"].insert_one({"_id": S, "engine": "log", "status": "open"})
        clock = DatabaseClock(database)
        await clock.sync()
        async with open_log_messenger(database, clock, RabbitHints(url, "publisher")) as messenger:
            yield LogEngineScene(database, RabbitMailboxes(url), LogPublisher(messenger), Attachments(database))
