"""For tests of readers of logs: pods in this process on a real database, and logs that a test fills by hand."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from api.mailboxes.timing import Timing
from api.mailboxes.unacked import Batch
from api.readers.log_readers import LogReaders, LogReaderServices, open_log_readers
from api.readers.ports import Push, Question
from callplane.contracts.ids import ParticipantId
from callplane.store.attachments import Attachment, Attachments
from callplane.store.incarnations import Incarnations
from callplane.store.log.place import Place
from callplane.store.log_attachments import LogAttachments
from callplane.store.mongo.database import Database, open_database
from testkit.fakes.feeds import FakeFeeds, FakeLog
from testkit.inprocess.mailboxes import FAST, S
from testkit.servers.servers import Database as Corner

BEGINNING = Place()


@dataclass
class Sink:
    """Takes what comes while it is ``open``, and remembers it."""

    pushes: list[Push] = field(default_factory=list)
    open: bool = True

    def __call__(self, push: Push) -> bool:
        """Take it or not."""
        if self.open:
            self.pushes.append(push)
        return self.open

    @property
    def texts(self) -> list[str]:
        """The ids of the messages, in order."""
        return [json.loads(body)["id"] for push in self.pushes for body in push.shared.bodies]

    @property
    def tokens(self) -> list[str]:
        """The token of each."""
        return [push.token(n) for push in self.pushes for n in range(len(push.shared.bodies))]


@dataclass
class LogScene:
    """A database, logs, and pods that come and go."""

    database: Database
    feeds: FakeFeeds = field(default_factory=FakeFeeds)

    def __post_init__(self) -> None:
        self.attachments = LogAttachments(self.database)
        self.seats = Attachments(self.database)

    def pod(self, timing: Timing = FAST) -> AbstractAsyncContextManager[LogReaders]:
        """One more pod."""
        incarnations = Incarnations(self.database, timing.lease)
        services = LogReaderServices(self.feeds, self.attachments, incarnations, lambda: datetime.now(UTC), timing)
        return open_log_readers(services)

    async def seat(self, name: str, place: Place = BEGINNING) -> ParticipantId:
        """A participant with an attachment."""
        await self.seats.open(S, ParticipantId(name), place)
        return ParticipantId(name)

    def log(self, key: str = S) -> FakeLog:
        """The session's log, or a seat's."""
        return self.feeds.of(S).log(key)

    async def attachment(self, participant_id: ParticipantId) -> Attachment:
        """Its attachment now."""
        return (await self.attachments.read([participant_id]))[participant_id]

    async def until_state(self, participant_id: ParticipantId, state: str) -> Attachment:
        """Wait until its attachment says so."""
        async with asyncio.timeout(10):
            while (found := await self.attachment(participant_id)).state != state:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return found


def question(participant_id: ParticipantId, ack: str | None = None, wait: float = 0, most: int = 100) -> Question:
    """A poll that comes in now."""
    return Question(S, participant_id, ack, wait, most)


def tokens_of(batch: Batch) -> list[str]:
    """The token of each message, in order."""
    return [one.token for one in batch.received]


@asynccontextmanager
async def log_scene(corner: Corner) -> AsyncIterator[LogScene]:
    """Pods on a database of their own."""
    async with open_database(corner.url, corner.name) as database:
        yield LogScene(database)
