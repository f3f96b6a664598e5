"""Readers of engine ``queues``: a mailbox per seat, wherever it is held."""

from api.mailboxes.poll_router import PollRouter
from api.mailboxes.subscription import Subscription
from api.mailboxes.timing import Timing
from api.mailboxes.unacked import Batch
from api.readers.ports import Question
from callplane.contracts.ids import ParticipantId, SessionId
from callplane.store.attachments import Attachment


class QueueReaders:
    """The Readers port on mailboxes."""

    def __init__(self, poll_router: PollRouter) -> None:
        self.poll_router = poll_router

    @property
    def timing(self) -> Timing:
        """The delays of this pod."""
        return self.poll_router.timing

    async def require_seat(self, participant_id: ParticipantId) -> Attachment:
        """Its attachment. Raises Refusal when the seat is gone, and Unavailable."""
        return await self.poll_router.require_attachment(participant_id)

    async def poll(self, question: Question) -> Batch:
        """Wait for messages."""
        seat = question.session_id, question.participant_id
        return await self.poll_router.poll(self.poll_router.new_poll(seat, question.ack, question.wait, question.most))

    async def subscribe(self, seat: tuple[SessionId, ParticipantId], ack: str | None) -> Subscription:
        """A stream of the mailbox."""
        return Subscription(self.poll_router, seat, ack)
