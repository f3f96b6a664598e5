"""Readers by engine: each seat is read as its session's engine says, which never changes."""

from api.mailboxes.timing import Timing
from api.mailboxes.unacked import Batch
from api.readers.ports import Question, Readers, Subscription
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.store.attachments import Attachment
from callplane.store.engines import SessionEngines


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
        # Of a session that is deleted the attachment is gone as well, and the queues' readers say so.
        return self.log if await self._engines.of(session_id) == "log" else self.queues
